"""The collection of a fiboa file as STAC: title, licence, providers, schemas, and what its columns mean.

Source: fiboa core specification 0.1 to 0.3 and its extensions for crops, HCAT and administrative divisions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from eocene.archive.product import make_collection

if TYPE_CHECKING:
    from collections.abc import Iterable

_ROLES = {"licensor", "producer", "processor", "host"}
_LICENCE = re.compile(r"[\w.+-]+")

COLUMNS = {
    "id": "Identifier of the field.",
    "collection": "Identifier of the collection that the field belongs to.",
    "category": "Categories of the boundary.",
    "area": "Area of the field in hectares.",
    "perimeter": "Perimeter of the field in metres.",
    "metrics:area": "Area of the field in square metres.",
    "metrics:perimeter": "Perimeter of the field in metres.",
    "determination_datetime": "The last time at which the field existed and was observed.",
    "determination:datetime": "The last time at which the field existed and was observed.",
    "determination_method": "How the boundary was made.",
    "determination:method": "How the boundary was made.",
    "crop:code": "Code of the crop in the list that crop:code_list names.",
    "crop:name": "Name of the crop in the source.",
    "crop:code_list": "Where the codes of crops are listed.",
    "hcat:code": "Code of the crop in HCAT, the taxonomy of EuroCrops.",
    "hcat:name": "Name of the crop in HCAT.",
    "admin:country_code": "Country, ISO 3166-1 alpha-2.",
    "admin:subdivision_code": "Subdivision of the country, ISO 3166-2.",
}
"""What the columns of the core specification and of its widespread extensions mean."""


def describe_fields(name: str, told: dict[str, Any], file: str) -> dict[str, Any]:
    """Return the STAC collection of field boundaries with what of its metadata is well-formed.

    Parameters
    ----------
    name : str
        Its id.
    told : dict
        What the file says of the collection.
    file : str
        The name of the file, for a description where there is none.
    """
    fields: dict[str, Any] = {
        key: told[key] for key in ("attribution", "fiboa_version") if isinstance(told.get(key), str)
    }
    licence = told.get("license")
    if isinstance(licence, str) and _LICENCE.fullmatch(licence):
        fields["license"] = "other" if licence == "proprietary" else licence
    providers = [provider for provider in _objects(told.get("providers")) if _is_provider(provider)]
    if providers:
        fields["providers"] = providers
    links = [link for link in _objects(told.get("links")) if link.get("rel") == "license"]
    fields["links"] = [link for link in links if _is_web(link.get("href"))]
    schemas = told.get("fiboa_extensions") or _find_schemas(told)
    fields["fiboa_extensions"] = [schema for schema in _list(schemas) if _is_web(schema)]
    values = {key: told.get(key) for key in COLUMNS if key not in ("id", "collection")}
    shared = {key: [value] for key, value in values.items() if isinstance(value, str | float)}
    if shared:
        fields["summaries"] = shared
    title, text = (told.get(key) for key in ("title", "description"))
    return make_collection(
        name,
        title if isinstance(title, str) and title else name,
        text if isinstance(text, str) and text else f"The field boundaries of {file}.",
        **fields,
    )


def _find_schemas(told: dict[str, Any]) -> list[Any]:
    """Return the schemas that collections of Vecorel name, each collection a list of them."""
    schemas = told.get("schemas")
    lists: Iterable[Any] = schemas.values() if isinstance(schemas, dict) else ()
    return list(dict.fromkeys(entry for some in lists for entry in _list(some) if isinstance(entry, str)))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: object) -> list[dict[str, Any]]:
    return [entry for entry in _list(value) if isinstance(entry, dict)]


def _is_web(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("https://", "http://"))


def _is_provider(provider: dict[str, Any]) -> bool:
    """Tell whether a provider is as STAC wants it."""
    roles = _list(provider.get("roles"))
    known = all(isinstance(role, str) and role in _ROLES for role in roles)
    return bool(provider.get("name")) and isinstance(provider["name"], str) and known
