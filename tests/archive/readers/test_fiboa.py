"""Field boundaries as fiboa has them: the parcels as they are, the collection as the file describes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import geopandas
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely

import eocene
from eocene.archive.product import IngestOptions
from eocene.archive.readers import fiboa, find_reader, table
from eocene.model import InputError
from eocene.testing.readers import ReaderContract

if TYPE_CHECKING:
    from pathlib import Path

TOLD: dict[str, Any] = {
    "fiboa_version": "0.2.0",
    "fiboa_extensions": ["https://fiboa.github.io/crop-extension/v0.1.0/schema.yaml"],
    "type": "Collection",
    "id": "xx",
    "title": "Fields of Nowhere",
    "description": "Drawn for a test.",
    "license": "CC-BY-4.0",
    "providers": [{"name": "Nobody", "roles": ["producer"]}, {"name": "", "roles": ["chief"]}],
    "links": [{"rel": "license", "href": "https://example.org/l"}, {"rel": "items", "href": "file:///etc"}],
    "extent": {"temporal": {"interval": [["2022-01-01T00:00:00Z", "2022-12-31T00:00:00Z"]]}},
}
VECOREL: dict[str, Any] = {
    "schemas": {"xx": ["https://fiboa.org/specification/v0.3.0/schema.yaml"]},
    "collection": "xx",
    "determination:datetime": "2023-06-01T00:00:00Z",
    "crop:code_list": "https://example.org/crops.csv",
}


def fields(**columns: Any) -> geopandas.GeoDataFrame:
    """Return three fields near Braunschweig, two of them in one year and one a year later."""
    shapes = [shapely.box(600_000 + 300 * i, 5_790_000, 600_200 + 300 * i, 5_790_100) for i in range(3)]
    rows = {
        "id": ["a", "b", "c"],
        "area": [2.0, 2.0, 2.0],
        "crop:name": ["Weizen", "Rüben", "maïs"],
        "determination_datetime": pd.to_datetime(["2023-05-01", "2023-05-01", "2024-05-01"], utc=True),
    }
    kept = {key: value for key, value in (rows | columns).items() if value is not None}
    return geopandas.GeoDataFrame(kept, geometry=shapes, crs=32632)


def write_parquet(
    folder: Path, frame: geopandas.GeoDataFrame | None = None, key: str = "fiboa", told: Any = TOLD
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "fields.parquet"
    (fields() if frame is None else frame).to_parquet(path, index=False)
    rows = pq.read_table(path)
    pq.write_table(rows.replace_schema_metadata({**rows.schema.metadata, key: json.dumps(told)}), path)
    return path


def write_geojson(folder: Path, **members: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "fields.geojson"
    document = json.loads(fields().to_crs(4326).set_index("id").to_json(default=str))
    path.write_text(json.dumps({"type": "FeatureCollection", "features": document["features"], **members}))
    return path


class TestFiboaParquet(ReaderContract):
    reader = fiboa.READER
    usual_damages = 20

    def make_product(self, folder: Path) -> Path:
        return write_parquet(folder)


class TestFiboaGeoJson(ReaderContract):
    reader = fiboa.READER
    usual_damages = 20

    def make_product(self, folder: Path) -> Path:
        return write_geojson(folder, fiboa=TOLD)


def test_the_collection_is_as_the_file_describes_it(tmp_path: Path) -> None:
    with eocene.open(tmp_path / "workspace") as workspace:
        [item] = workspace.ingest(write_parquet(tmp_path))
        collection = workspace.archive.catalogue.collection("xx")
    assert (collection["title"], collection["license"]) == ("Fields of Nowhere", "CC-BY-4.0")
    assert collection["providers"] == TOLD["providers"][:1]
    assert collection["links"] == TOLD["links"][:1]
    assert collection["fiboa_extensions"] == TOLD["fiboa_extensions"]
    assert item.properties["start_datetime"] == "2023-05-01T00:00:00Z"
    assert item.properties["end_datetime"] == "2024-05-01T00:00:00Z"


def test_columns_have_their_meaning_and_unit(tmp_path: Path) -> None:
    [(_, [item])] = fiboa.read_product(write_parquet(tmp_path), IngestOptions())
    described = {c["name"]: c.get("description") for c in item["assets"]["data"]["table:columns"]}
    assert described["area"] == "Area of the field in hectares."
    assert item["assets"]["data"]["table:row_count"] == 3


@pytest.mark.parametrize("form", ["parquet", "geojson"])
def test_the_parcels_are_those_that_were_written(tmp_path: Path, form: str) -> None:
    path = write_parquet(tmp_path) if form == "parquet" else write_geojson(tmp_path, fiboa=TOLD)
    with eocene.open(tmp_path / "workspace") as workspace:
        workspace.ingest(path)
        found = workspace.table("xx")
    expected = fields().to_crs(found.crs)
    assert found["id"].tolist() == ["a", "b", "c"]
    assert found["crop:name"].tolist() == expected["crop:name"].tolist()
    assert found.geometry.geom_equals_exact(expected.geometry, tolerance=1e-9).all()


def test_values_that_all_fields_share_stand_beside_them_since_version_0_3(tmp_path: Path) -> None:
    frame = fields(determination_datetime=None)
    path = write_parquet(tmp_path, frame, "collection", VECOREL)
    [(collection, [item])] = fiboa.read_product(path, IngestOptions())
    assert item["properties"]["datetime"] == "2023-06-01T00:00:00Z"
    assert collection["summaries"]["crop:code_list"] == ["https://example.org/crops.csv"]
    assert collection["fiboa_extensions"] == VECOREL["schemas"]["xx"]
    [(_, [item])] = fiboa.read_product(write_parquet(tmp_path, frame), IngestOptions())
    assert item["properties"]["start_datetime"] == "2022-01-01T00:00:00Z"


def test_other_tables_are_left_to_their_reader(tmp_path: Path) -> None:
    path = write_parquet(tmp_path, key="note", told={"collection": "none"})
    assert find_reader(path) is table.READER
    assert find_reader(write_geojson(tmp_path)) is table.READER


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": None}, "without an id"),
        ({"id": ["a", None, "c"]}, "without an id"),
        ({"geometry": shapely.points([600_000.0, 600_001, 600_002], 5_790_000.0)}, "field 'a' .* no polygon"),
    ],
)
def test_what_is_no_field_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    shapes = change.pop("geometry", None)
    frame = fields(**change)
    path = write_parquet(tmp_path, frame if shapes is None else frame.set_geometry(shapes, crs=32632))
    with pytest.raises(InputError, match=words):
        list(fiboa.read_product(path, IngestOptions()))


def test_real_parcels_are_read_as_geopandas_reads_them(tmp_path: Path, real_data: Path) -> None:
    files = sorted((real_data / "fields-fiboa-lpis").rglob("*.parquet"))
    assert len(files) >= 2
    for path in files:
        with eocene.open(tmp_path / path.stem) as workspace:
            [item] = workspace.ingest(path, datetime="2024")
            found = workspace.table(item.collection_id)
        assert item.collection_id in ("dk", "be_vlg")
        pd.testing.assert_frame_equal(found, geopandas.read_parquet(path))
