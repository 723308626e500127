"""What the server's own interfaces take and answer: maps, accounts, rules, linked data, models, operation."""

from __future__ import annotations

from eocene.jobs.events.rule import KINDS
from eocene.jobs.packaging import MEDIA_TYPE as CWL
from eocene.serve.atom import MEDIA_TYPE as ATOM
from eocene.serve.schemas.notation import (
    ANY,
    BYTES,
    COUNT,
    FLAG,
    INSTANT,
    JSON,
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
from eocene.serve.stac_documents import GEOJSON

_BOUNDS = list_of(NUMBER, minItems=4, maxItems=4)
_ROLE = one_of("owner", "member", "viewer")
_TOKEN = {"id": TEXT, "title": TEXT, "scope": one_of("read", "write"), "created": INSTANT, "expires": INSTANT}
_PROJECT = shape({"id": TEXT, "title": TEXT, "created": INSTANT, "role": _ROLE, "members": map_of(_ROLE)})
_LAYER = shape(
    {"id": TEXT, "title": TEXT, "kind": one_of("raster", "vector")},
    {"style": OBJECT, "times": list_of(INSTANT), "bounds": maybe(_BOUNDS), "updated": INSTANT},
)
_SERIES_OF = {"layer": TEXT, "times": list_of(maybe(INSTANT))}
_IMAGES = dict.fromkeys(("image/png", "image/jpeg", "image/webp"), BYTES)
_TILE = Operation(
    (
        Answer(200, _IMAGES, {"ETag": TEXT, "Cache-Control": TEXT}),
        Answer(304, headers={"ETag": TEXT}),
    )
)
_XML = "application/xml"
_WMTS = Operation(
    (
        Answer(200, {_XML: ANY, **_IMAGES}),
        Answer(304),
        # Who speaks WMTS gets its exception reports; what is wrong before that, as everywhere.
        *(Answer(status, {_XML: ANY, JSON: ref("Error")}) for status in (400, 404)),
    )
)
_CAPABILITIES = gives(ANY, _XML)
_RULE_OF = {
    "title": maybe(TEXT),
    "when": shape({"kind": one_of(*KINDS)}),
    "run": maybe(shape({"process": shape({"process_graph": ref("ProcessGraph")})})),
    "tell": maybe(list_of(shape({"kind": one_of("webhook", "email")}), maxItems=5)),
    "enabled": maybe(FLAG),
}
_ANSWERED = Operation(
    (
        Answer(
            200,
            {
                "application/sparql-results+json": shape(
                    {"head": OBJECT}, {"boolean": FLAG, "results": OBJECT}
                ),
                "application/n-triples": TEXT,
            },
        ),
    ),
    errors=(501,),
)
_PACKAGE = gives(shape({"cwlVersion": TEXT, "$graph": list_of(OBJECT)}), CWL)
_MODEL = shape(
    {
        "type": always("Feature"),
        "id": TEXT,
        "properties": OBJECT,
        "assets": map_of(ref("Asset")),
        "links": LINKS,
    }
)

_ASKED = {
    "oneOf": [
        shape({"rows": list_of(ANY)}, closed=True),
        shape({"geometry": OBJECT}, {"time": list_of(maybe(TEXT), minItems=2, maxItems=2)}, closed=True),
    ]
}

SCHEMAS: dict[str, Schema] = {
    "Rule": shape(
        {
            "id": TEXT,
            "enabled": FLAG,
            "created": INSTANT,
            "updated": INSTANT,
            "when": OBJECT,
            "links": LINKS,
        },
        {"title": maybe(TEXT), "run": maybe(OBJECT), "tell": list_of(OBJECT)},
    ),
}

OPERATIONS: dict[str, Operation] = {
    "GET /account/tokens": gives(shape({"tokens": list_of(shape(_TOKEN))})),
    "POST /account/tokens": gives(
        shape(_TOKEN | {"token": TEXT}), status=201, errors=(404,), makes=("token_id=$response.body#/id",)
    ),
    "DELETE /account/tokens/{token_id}": gives_nothing(),
    "GET /account/projects": gives(shape({"projects": list_of(_PROJECT)})),
    "POST /account/projects": gives(
        _PROJECT, status=201, errors=(409,), makes=("project_id=$response.body#/id",)
    ),
    "GET /account/projects/{project_id}": gives(_PROJECT),
    "PUT /account/projects/{project_id}/members/{user_id}": gives_nothing(errors=(409,)),
    "DELETE /account/projects/{project_id}/members/{user_id}": gives_nothing(errors=(409,)),
    "GET /tiles/{layer_id}/tilejson.json": gives(
        shape(
            {
                "tilejson": always("3.0.0"),
                "name": TEXT,
                "tiles": list_of(TEXT, minItems=1),
                "minzoom": COUNT,
                "maxzoom": COUNT,
            },
            {"bounds": _BOUNDS, "center": list_of(NUMBER, minItems=3, maxItems=3)},
        )
    ),
    "GET /tiles/{layer_id}/{z}/{x}/{y}.{ending}": _TILE,
    "GET /tiles/{layer_id}/{z}/{x}/{y}": _TILE,
    "GET /layers": gives(list_of(_LAYER)),
    "GET /layers/{layer_id}": gives(_LAYER),
    "GET /layers/{layer_id}/features": gives(
        shape({"type": always("FeatureCollection"), "features": list_of(OBJECT)}), GEOJSON
    ),
    "GET /layers/{layer_id}/legend": gives(shape({"title": TEXT, "kind": TEXT})),
    "GET /layers/{layer_id}/legend.png": gives(BYTES, "image/png"),
    "GET /series/{layer_id}": gives(
        shape({**_SERIES_OF, "lon": NUMBER, "lat": NUMBER, "values": map_of(list_of(maybe(NUMBER)))})
    ),
    "POST /series/{layer_id}": gives(
        shape({**_SERIES_OF, "pixels": COUNT, "statistics": map_of(OBJECT)}), body=ref("Geometry")
    ),
    "GET /wmts/1.0.0/WMTSCapabilities.xml": _CAPABILITIES,
    "GET /wmts/{layer_id}/1.0.0/WMTSCapabilities.xml": _CAPABILITIES,
    "GET /wmts": _WMTS,
    "GET /wmts/{layer_id}": _WMTS,
    "GET /rules": gives(shape({"rules": list_of(ref("Rule")), "links": LINKS})),
    "POST /rules": gives_nothing(
        201, {"Location": TEXT}, body={"required": ["when"]} | shape({}, _RULE_OF) | {"required": ["when"]}
    ),
    "GET /rules/{rule_id}": gives(ref("Rule")),
    "PATCH /rules/{rule_id}": gives_nothing(body=shape({}, _RULE_OF)),
    "DELETE /rules/{rule_id}": gives_nothing(),
    "GET /rules/{rule_id}/events": gives(shape({"events": list_of(OBJECT), "links": LINKS})),
    "GET /rules/{rule_id}/logs": gives(
        shape({"logs": list_of(shape({"id": TEXT, "time": INSTANT, "level": TEXT, "message": TEXT}))})
    ),
    "GET /rules/{rule_id}/feed": gives(TEXT, ATOM, errors=(403, 410)),
    "GET /packages/jobs/{job_id}": _PACKAGE,
    "GET /packages/process_graphs/{process_graph_id}": _PACKAGE,
    "GET /packages/applications/{application_id}": _PACKAGE,
    "GET /sparql": _ANSWERED,
    "POST /sparql": _ANSWERED,
    "GET /sparql/examples": gives(list_of(shape({"title": TEXT, "query": TEXT})), errors=(501,)),
    "GET /models": gives(shape({"models": list_of(_MODEL), "links": LINKS}), errors=(501,)),
    "GET /models/{model_id}": gives(_MODEL, errors=(501,)),
    "POST /models/{model_id}/predict": gives(
        shape({"model": TEXT, "predictions": list_of(maybe(OBJECT))}), body=_ASKED, errors=(501,)
    ),
    "GET /models/{model_id}/report": Operation(
        (Answer(200, {JSON: OBJECT, "text/html": TEXT}),), errors=(501,)
    ),
    "GET /models/{model_id}/files/{name}": Operation(
        (Answer(200, {"*/*": ANY}), Answer(206, {"*/*": ANY})), errors=(416, 501)
    ),
    "GET /health/live": gives(shape({"status": always("ok")})),
    "GET /health": Operation(
        tuple(
            Answer(
                status,
                {
                    JSON: shape(
                        {
                            "status": always(word),
                            "version": TEXT,
                            "collections": maybe(COUNT),
                            "jobs": maybe(map_of(COUNT)),
                            "workers": COUNT,
                            "faults": map_of(TEXT),
                        }
                    )
                },
            )
            for status, word in ((200, "ok"), (503, "failing"))
        )
    ),
    "GET /metrics": gives(TEXT, "text/plain"),
}
