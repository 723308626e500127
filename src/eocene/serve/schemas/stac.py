"""What the STAC API takes and answers here.

Sources: STAC 1.1.0; STAC API 1.0.0 with its extensions; RFC 7946 for geometries.
"""

from __future__ import annotations

from eocene.serve.schemas.notation import (
    ANY,
    COUNT,
    INSTANT,
    LINKS,
    NUMBER,
    OBJECT,
    TEXT,
    Answer,
    Operation,
    Schema,
    always,
    gives,
    gives_nothing,
    list_of,
    map_of,
    maybe,
    one_of,
    ref,
    shape,
)
from eocene.serve.stac_documents import GEOJSON, SCHEMA, STAC

_BOX = list_of(NUMBER, minItems=4, maxItems=6)
_POSITION = list_of(NUMBER, minItems=2, maxItems=3)
_LINE = list_of(_POSITION, minItems=2)
_RING = list_of(_POSITION, minItems=4)
_COORDINATES = {
    "Point": _POSITION,
    "MultiPoint": list_of(_POSITION),
    "LineString": _LINE,
    "MultiLineString": list_of(_LINE),
    "Polygon": list_of(_RING, minItems=1),
    "MultiPolygon": list_of(list_of(_RING, minItems=1)),
}
_EXTENT = shape(
    {
        "spatial": shape({"bbox": list_of(_BOX, minItems=1)}),
        "temporal": shape({"interval": list_of(list_of(maybe(INSTANT), minItems=2, maxItems=2), minItems=1)}),
    }
)
_ITEM = {
    "type": always("Feature"),
    "stac_version": TEXT,
    "id": TEXT,
    "geometry": maybe(ref("Geometry")),
    "properties": OBJECT,
    "assets": map_of(ref("Asset")),
}
_COLLECTION = {
    "type": always("Collection"),
    "stac_version": TEXT,
    "id": TEXT,
    "description": TEXT,
    "license": TEXT,
    "extent": _EXTENT,
}
_FIELD = TEXT | {"minLength": 1}
_ORDER = shape({"field": TEXT}, {"direction": one_of("asc", "desc")})
_NAMES = {"anyOf": [list_of(TEXT), maybe(TEXT)]}
_QUESTION = {
    "collections": _NAMES,
    "ids": _NAMES,
    "cells": _NAMES,
    "bbox": maybe(_BOX),
    "datetime": maybe(TEXT | {"format": "stac-interval"}),
    "intersects": maybe(ref("Geometry")),
    "limit": maybe({"type": "integer", "minimum": 1}),
    "token": maybe(TEXT),
    "filter": {"anyOf": [OBJECT, maybe(TEXT | {"format": "cql2-text"})]},
    "filter-lang": maybe(one_of("cql2-text", "cql2-json")),
    "query": maybe(map_of(OBJECT)),
    "sortby": list_of({"anyOf": [TEXT, _ORDER]}, maxItems=20),
    "fields": shape({}, dict.fromkeys(("include", "exclude"), maybe(list_of(_FIELD)))),
}
_GRAPHIC = "^[^/\\\\\\x00-\\x1f\\x7f]{1,200}$"
_NAME = TEXT | {"pattern": _GRAPHIC}

SCHEMAS: dict[str, Schema] = {
    "Geometry": {
        "oneOf": [
            *(
                shape({"type": always(kind), "coordinates": coordinates})
                for kind, coordinates in _COORDINATES.items()
            ),
            shape({"type": always("GeometryCollection"), "geometries": list_of(ref("Geometry"))}),
        ]
    },
    "Asset": shape({"href": TEXT}, {"type": maybe(TEXT), "title": maybe(TEXT), "roles": list_of(TEXT)}),
    "Collection": shape(
        _COLLECTION | {"links": LINKS},
        {
            "title": TEXT,
            "stac_extensions": list_of(TEXT),
            "keywords": list_of(TEXT),
            "providers": list_of(OBJECT),
            "summaries": OBJECT,
            "assets": map_of(ref("Asset")),
            "item_assets": map_of(OBJECT),
            "cube:dimensions": map_of(shape({"type": TEXT})),
        },
    ),
    "Item": shape(_ITEM | {"collection": TEXT, "links": LINKS}, {"bbox": _BOX}),
    # Of the items of a search clients may leave out any field but these.
    "ItemCollection": shape(
        {
            "type": always("FeatureCollection"),
            "features": list_of(
                shape({"type": always("Feature"), "id": TEXT}, {"geometry": maybe(ref("Geometry"))})
            ),
            "links": LINKS,
            "numberReturned": COUNT,
        },
        {"numberMatched": COUNT},
    ),
    "PostedItem": shape(_ITEM | {"id": _NAME}, {"bbox": _BOX, "links": LINKS, "collection": TEXT}),
    "PostedCollection": shape(_COLLECTION | {"id": _NAME}, {"links": LINKS, "title": maybe(TEXT)}),
    "Aggregations": shape(
        {
            "aggregations": list_of(
                shape({"name": TEXT, "data_type": TEXT}, {"value": ANY, "buckets": list_of(OBJECT)})
            ),
            "links": LINKS,
        }
    ),
}

_FOUND = gives(ref("ItemCollection"), GEOJSON)
_COUNTED = gives(ref("Aggregations"))
_ONE, _ITEMS = f"{STAC}/collections/{{collection_id}}", f"{STAC}/collections/{{collection_id}}/items"

OPERATIONS: dict[str, Operation] = {
    f"GET {STAC}/": gives(
        shape(
            {
                "type": always("Catalog"),
                "id": TEXT,
                "description": TEXT,
                "stac_version": TEXT,
                "conformsTo": list_of(TEXT),
                "links": LINKS,
            }
        )
    ),
    f"GET {STAC}/conformance": gives(ref("Conformance")),
    f"GET {STAC}/queryables": gives(ref("Queryables"), SCHEMA),
    f"GET {STAC}/collections": gives(
        shape(
            {
                "collections": list_of(ref("Collection")),
                "links": LINKS,
                "numberMatched": COUNT,
                "numberReturned": COUNT,
            }
        )
    ),
    f"POST {STAC}/collections": gives(
        ref("Collection"),
        status=201,
        body=ref("PostedCollection"),
        errors=(409,),
        makes=("collection_id=$response.body#/id",),
    ),
    f"GET {_ONE}": gives(ref("Collection")),
    f"PUT {_ONE}": gives_nothing(body=ref("PostedCollection")),
    f"PATCH {_ONE}": gives_nothing(body=OBJECT),
    f"DELETE {_ONE}": gives_nothing(),
    f"GET {_ONE}/queryables": gives(ref("Queryables"), SCHEMA),
    f"GET {_ITEMS}": _FOUND,
    f"POST {_ITEMS}": Operation(
        (Answer(201, {GEOJSON: ref("Item")}),),
        body={
            "anyOf": [
                ref("PostedItem"),
                shape(
                    {
                        "type": always("FeatureCollection"),
                        "features": list_of(ref("PostedItem"), minItems=1),
                    }
                ),
            ]
        },
        errors=(409,),
    ),
    f"GET {_ITEMS}/{{item_id}}": gives(ref("Item"), GEOJSON),
    f"PUT {_ITEMS}/{{item_id}}": gives_nothing(body=ref("PostedItem")),
    f"PATCH {_ITEMS}/{{item_id}}": gives_nothing(body=OBJECT),
    f"DELETE {_ITEMS}/{{item_id}}": gives_nothing(),
    f"GET {_ITEMS}/{{item_id}}/assets/{{key}}": Operation(
        (Answer(200, {"*/*": ANY}), Answer(206, {"*/*": ANY})), errors=(401, 403, 416)
    ),
    f"GET {STAC}/search": _FOUND,
    f"POST {STAC}/search": gives(ref("ItemCollection"), GEOJSON, body=shape({}, _QUESTION)),
    f"GET {STAC}/aggregations": _COUNTED,
    f"GET {_ONE}/aggregations": _COUNTED,
    f"GET {STAC}/aggregate": _COUNTED,
    f"POST {STAC}/aggregate": gives(
        ref("Aggregations"), body=shape({"aggregations": list_of(TEXT, minItems=1)}, _QUESTION)
    ),
    f"GET {_ONE}/aggregate": _COUNTED,
}
