"""People with a second factor, for who walks the pages."""

from aiohttp import ClientSession

from tests.programs.service import PASSWORD, Service
from tests.web.phones import Phone


async def add_person(service: Service, name: str) -> Phone:
    """Add somebody with a second factor, whose phone has shown last minute's code."""
    await service.add_user(name, "--role", "staff")
    async with ClientSession(service.url) as session:
        body = {"username": name, "password": PASSWORD}
        async with session.post("/login", json=body) as answer:
            token = (await answer.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with session.post("/me/otp", headers=headers) as answer:
            phone = Phone.of((await answer.json())["secret"])
        code = {"otp": phone.read(-1)}
        async with session.post("/me/otp/confirm", json=code, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
    return phone
