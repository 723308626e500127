"""Tables of vectors, series and posts, each beside what another library or a loop makes of the file."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely

import eocene
from eocene.archive.readers import table
from eocene.model import DamageError, InputError
from eocene.testing.readers import ReaderContract

if TYPE_CHECKING:
    from pathlib import Path

STATIONS = {"harbour": (10.0, 54.0), "hill": (11.5, 48.25)}
HOURS = [f"2024-05-01T{hour:02d}:00:00Z" for hour in range(0, 24, 3)]


def fields() -> geopandas.GeoDataFrame:
    """Return parcels with a hole, several parts, and texts beyond ASCII."""
    hole = shapely.box(0, 0, 90, 90).difference(shapely.box(20, 20, 40, 40))
    two = shapely.union_all([shapely.box(100, 0, 150, 50), shapely.box(200, 0, 250, 50)])
    shapes = [
        shapely.affinity.translate(s, 500_000, 5_400_000) for s in (hole, two, shapely.box(0, 100, 9, 109))
    ]
    rows = {"crop": ["Weizen", "Rüben", "maïs"], "year": [2023, 2024, 2024], "area": [7.7, 5.0, 0.081]}
    return geopandas.GeoDataFrame(rows, geometry=shapes, crs=32632)


def write_shapefile(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    fields().to_file(folder / "fields_20240501.shp", encoding="utf-8")
    (folder / "fields_20240501.cpg").unlink()
    return folder / "fields_20240501.shp"


def write_geojson(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "fields_20240501.geojson"
    path.write_text(fields().to_crs(4326).to_json())
    return path


def write_csv(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "stations.csv").open("w", newline="") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerow(["station", "time", "Latitude", "Longitude", "temperature"])
        for name, (x, y) in STATIONS.items():
            writer.writerows([name, moment, y, x, 10 + number / 8] for number, moment in enumerate(HOURS))
    return folder / "stations.csv"


def write_posts(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    posts = [
        {"id": 1, "created_at": "2024-05-01T10:00:00Z", "text": "Wasser im Keller", "lat": 48.2, "lon": 11.4},
        {"id": 2, "created_at": "2024-05-01T11:30:00+02:00", "text": "la rivière monte",
         "geometry": {"type": "Point", "coordinates": [11.6, 48.1]}, "tags": ["flood"]},
        {"id": 3, "created_at": "2024-05-02T08:00:00Z", "text": "where am I?"},
    ]  # fmt: skip
    (folder / "posts.jsonl").write_text("\n".join(json.dumps(post) for post in posts) + "\n")
    return folder / "posts.jsonl"


def write_sensorthings(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    things = [
        {
            "@iot.id": number, "name": name,
            "Locations": [{"location": {"type": "Point", "coordinates": list(place)}}],
            "Datastreams": [
                {
                    "name": f"{name}, level", "unitOfMeasurement": {"symbol": "m"},
                    "ObservedProperty": {"name": "water level"},
                    "Observations": [
                        {"phenomenonTime": f"{moment}/{moment}", "result": hour / 4 + number}
                        for hour, moment in enumerate(HOURS)
                    ],
                }
            ],
        }
        for number, (name, place) in enumerate(STATIONS.items())
    ]  # fmt: skip
    (folder / "things.json").write_text(json.dumps({"value": things}))
    return folder / "things.json"


class TableContract(ReaderContract):
    reader = table.READER


class TestShapefile(TableContract):
    def make_product(self, folder: Path) -> Path:
        return write_shapefile(folder)


class TestGeoJSON(TableContract):
    def make_product(self, folder: Path) -> Path:
        return write_geojson(folder)


class TestCSV(TableContract):
    def make_product(self, folder: Path) -> Path:
        return write_csv(folder)


class TestPosts(TableContract):
    def make_product(self, folder: Path) -> Path:
        return write_posts(folder)


class TestSensorThings(TableContract):
    def make_product(self, folder: Path) -> Path:
        return write_sensorthings(folder)


def ingest(folder: Path, path: Path, **options: Any) -> pd.DataFrame:
    with eocene.open(folder / "workspace") as workspace:
        workspace.ingest(path, collection="rows", **options)
        return workspace.table("rows")


def test_a_shapefile_has_the_shapes_and_texts_that_were_written(tmp_path: Path) -> None:
    found, expected = ingest(tmp_path, write_shapefile(tmp_path)), fields()
    assert found.crs == expected.crs
    assert found.geometry.geom_equals(expected.geometry).all()
    assert found[["crop", "year"]].to_dict("list") == expected[["crop", "year"]].to_dict("list")
    np.testing.assert_allclose(found["area"], expected["area"])


def test_a_shapefile_without_its_projection_is_named(tmp_path: Path) -> None:
    path = write_shapefile(tmp_path)
    path.with_suffix(".prj").unlink()
    with pytest.raises(DamageError, match=r"no fields_20240501\.prj"):
        ingest(tmp_path, path)


def test_a_series_has_its_points_times_and_numbers(tmp_path: Path) -> None:
    found = ingest(tmp_path, write_csv(tmp_path))
    assert len(found) == len(STATIONS) * len(HOURS)
    hill = found[found["station"] == "hill"]
    assert {(p.x, p.y) for p in hill.geometry} == {STATIONS["hill"]}
    assert hill["temperature"].tolist() == [10 + number / 8 for number in range(len(HOURS))]


def test_a_series_spans_the_times_of_its_rows(tmp_path: Path) -> None:
    with eocene.open(tmp_path / "workspace") as workspace:
        [item] = workspace.ingest(write_csv(tmp_path), collection="rows")
    assert (item.properties["start_datetime"], item.properties["end_datetime"]) == (HOURS[0], HOURS[-1])
    assert item.bbox == [10.0, 48.25, 11.5, 54.0]


def test_a_row_beyond_the_earth_is_named(tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text("time,lat,lon\n2024-05-01,48,11\n2024-05-02,148,11\n")
    with pytest.raises(InputError, match=r"Line 3 of .*wrong\.csv.*148"):
        ingest(tmp_path, path)


def test_posts_have_their_words_times_and_places(tmp_path: Path) -> None:
    found = ingest(tmp_path, write_posts(tmp_path))
    assert found["text"].tolist() == ["Wasser im Keller", "la rivière monte", "where am I?"]
    assert found["time"].tolist() == list(
        pd.to_datetime(["2024-05-01T10:00Z", "2024-05-01T09:30Z", "2024-05-02T08:00Z"])
    )
    assert [p and (p.x, p.y) for p in found.geometry] == [(11.4, 48.2), (11.6, 48.1), None]


@pytest.mark.parametrize(
    ("line", "words"),
    [("{", "line 2"), ("[1]", "line 2 is no JSON object"), ('{"text": "x"}', "line 2 .* has no time"),
     ('{"time": "soon"}', "'soon' in .* is no time")],
)  # fmt: skip
def test_a_wrong_post_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text(f'{{"time": "2024-05-01T00:00:00Z"}}\n{line}\n')
    with pytest.raises((InputError, DamageError), match=words):
        ingest(tmp_path, path)


def test_observations_have_their_station_property_and_unit(tmp_path: Path) -> None:
    found = ingest(tmp_path, write_sensorthings(tmp_path))
    assert len(found) == len(STATIONS) * len(HOURS)
    harbour = found[found["station"] == "harbour"]
    assert harbour["value"].tolist() == [hour / 4 for hour in range(len(HOURS))]
    assert set(harbour["unit"]) == {"m"}
    assert set(harbour["property"]) == {"water level"}
    assert harbour["time"].tolist() == list(pd.to_datetime(HOURS))
    assert {(p.x, p.y) for p in harbour.geometry} == {STATIONS["harbour"]}


def test_real_parcels_of_many_countries_are_read_as_geopandas_reads_them(
    tmp_path: Path, real_data: Path
) -> None:
    files = [
        f for f in sorted((real_data / "fields-fiboa-lpis").rglob("*"))
        if f.suffix.lower() in (".gpkg", ".shp")
    ]  # fmt: skip
    assert len(files) >= 4
    for number, path in enumerate(files):
        expected = geopandas.read_file(path)
        with eocene.open(tmp_path / str(number)) as workspace:
            workspace.ingest(path, collection="fields", datetime="2023")
            found = workspace.table("fields")
        assert found.crs == expected.crs, path.name
        assert len(found) == len(expected), path.name
        assert (
            found.geometry.normalize().geom_equals_exact(expected.geometry.normalize(), tolerance=1e-9).all()
        ), path.name
