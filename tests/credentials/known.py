"""Hashes that other programs made, with their passwords."""

RFC_7914 = (
    "scrypt:16384:8:1$SodiumChloride$7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
    "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
)
HTPASSWD = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
AUTHELIA = (
    "$argon2id$v=19$m=32768,t=1,p=8$eUhVT1dQa082YVk2VUhDMQ"
    "$E8QI4jHbUBt3EdsU1NFDu4Bq5jObKNx7nBKSn1EYQxk"
)
WERKZEUG = (
    "scrypt:1024:8:1$22dkmU2KgRA7xef5$43035f27f3c56a5a383a1052555944c608b40e9c838bc459e3c17b5bd844"
    "ee3f88b6bb64fa180a970312a869014cf8a677e95868b09da803de2d2cf886d9c61b"
)
KNOWN = {
    # The Argon2 reference implementation's test.c, Authelia's documentation, Openwall's bcrypt
    # vectors, RFC 7914 section 12, Werkzeug 3.1, and passlib's documentation.
    "argon2id, reference": (
        "password",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ),
    "argon2id, Authelia": ("authelia", AUTHELIA),
    "bcrypt 2a": ("U*U", "$2a" + HTPASSWD[3:]),
    "bcrypt 2b": ("U*U", "$2b" + HTPASSWD[3:]),
    "bcrypt 2y, htpasswd": ("U*U", HTPASSWD),
    "scrypt, RFC 7914": ("pleaseletmein", RFC_7914),
    "scrypt, Werkzeug": ("correct horse", WERKZEUG),
    "scrypt, crypt form": (
        "password",
        "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
    ),
    "pbkdf2 sha1, Werkzeug": (
        "correct horse",
        "pbkdf2:sha1:1000$xRO5qfVsCNpMfSdi$6a89f4f28eb63a30ba5b4c3f3718f1356f5fa50f",
    ),
    "pbkdf2 sha256, Werkzeug": (
        "correct horse",
        (
            "pbkdf2:sha256:1000$OELccCfxHKb2IqLx"
            "$7de217348418cb0f985cba8e8c4b10314675ed44513aa31b4f49699950504a0d"
        ),
    ),
    "pbkdf2 sha512, Werkzeug": (
        "correct horse",
        (
            "pbkdf2:sha512:1000$09r6W6jqoa70prxV$a6ade9d2986b0a0957702305af0586f13a933e31975d903fa7b8ed8e"
            "52a45bb09d8a31e5f720eead281573b622150cfc54694fa61136a1a8b053751abbf67179"
        ),
    ),
    "pbkdf2 sha256, crypt form": (
        "password",
        "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M",
    ),
    "pbkdf2 sha256, i=": (
        "password",
        "$pbkdf2-sha256$i=6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M",
    ),
}
