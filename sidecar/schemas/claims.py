"""The claims of each kind of token as schemas, made from the one table of core/claims.py.

For documentation, and for whoever checks a payload outside the hot path: a cold token is judged by
the table itself, 40 µs sooner. A test holds the two equal, but for the order of the dates.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from sidecar.core.claims import (
    CLAIMS,
    LONGEST_ROLES,
    MOST_ROLES,
    Claim,
    Shape,
    TokenKind,
    is_one_holders,
)
from sidecar.core.text import is_plain_text


class _Whole(fields.Integer):
    """An integer, which `true` and 7.0 are not."""

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return value


class _OneOrMore(fields.List[Any]):
    """A list of at least one text, or one text alone."""

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[Any]:
        items = value if type(value) is list else [value]
        return super()._deserialize(items, attr, data, **kwargs)


class _Foreign(fields.Field[object]):
    """A claim of other kinds of token; with it this is none of this kind."""

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> object:
        raise ValidationError("is not a claim of this kind of token")


def _judge_text(text: str) -> None:
    if not is_plain_text(text):
        raise ValidationError("has control or invisible characters")


def _judge_sum(texts: list[str]) -> None:
    if sum(map(len, texts)) > LONGEST_ROLES:
        raise ValidationError(f"must be {LONGEST_ROLES} characters or fewer together")


def _text(claim: Claim, **kwargs: Any) -> fields.String:
    length = validate.Length(min=0 if claim.empty else 1, max=claim.bound)
    return fields.String(validate=[length, _judge_text], **kwargs)


def _item(claim: Claim) -> fields.String:
    return fields.String(validate=[validate.Length(min=1, max=claim.bound), _judge_text])


def _date(claim: Claim, **kwargs: Any) -> fields.Integer:
    return _Whole(validate=validate.Range(0, claim.bound), **kwargs)


def _texts(claim: Claim, **kwargs: Any) -> fields.Field[Any]:
    number = validate.Length(min=0 if claim.empty else 1, max=MOST_ROLES)
    return fields.List(_item(claim), validate=[number, _judge_sum], **kwargs)


def _epoch(claim: Claim, **kwargs: Any) -> fields.Field[Any]:
    return fields.List(_date(claim), validate=validate.Length(equal=2), **kwargs)


def _audience(claim: Claim, **kwargs: Any) -> fields.Field[Any]:
    number = validate.Length(min=1, max=MOST_ROLES)
    return _OneOrMore(_item(claim), validate=[number, _judge_sum], **kwargs)


_FIELDS: Final[Mapping[Shape, Callable[..., fields.Field[Any]]]] = {
    Shape.TEXT: _text,
    Shape.DATE: _date,
    Shape.TEXTS: _texts,
    Shape.EPOCH: _epoch,
    Shape.AUDIENCE: _audience,
}


class ClaimsSchema(Schema):
    """The claims of one kind of token; what the table does not name is ignored."""

    kind: TokenKind

    class Meta:
        """What marshmallow asks for here."""

        unknown = EXCLUDE

    @validates_schema
    def judge_holder(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        """Refuse what is neither a person's nor a program's."""
        if not is_one_holders(data, self.kind):
            raise ValidationError("must be the claims of a person, or those of a program")


def _make(kind: TokenKind) -> Schema:
    members: Any = {
        claim.name: _FIELDS[claim.shape](claim, required=claim.required and not claim.personal)
        if kind in claim.kinds
        else _Foreign()
        for claim in CLAIMS
    }
    members["kind"] = kind
    return ClaimsSchema.from_dict(members, name=f"{kind.name.title()}Claims")()


CLAIMS_SCHEMAS: Final[Mapping[TokenKind, Schema]] = {kind: _make(kind) for kind in TokenKind}
