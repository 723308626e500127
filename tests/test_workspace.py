"""The Python face: one folder is a workspace, and nothing else is touched by opening it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pystac
import pytest
import rasterio
import rasterio.warp
import shapely

import eocene
from eocene.model import EoceneError, InputError, NotFoundError, UnavailableError
from tests.snapshot import take_snapshot

S2 = "sentinel-2-l2a"


@pytest.fixture(scope="module")
def everything(world):
    return world.search()


def find_middle(world) -> tuple[float, float]:
    west, south, east, north = world.archive.catalogue.collection(S2)["extent"]["spatial"]["bbox"][0]
    return (west + east) / 2, (south + north) / 2


def test_opening_makes_a_folder_that_says_it_is_a_workspace(tmp_path):
    with eocene.open(tmp_path / "new" / "workspace") as ws:
        assert ws.layout.marker.is_file()
        assert ws.search() == []
    assert isinstance(eocene.open(str(tmp_path / "new" / "workspace"), create=False), eocene.Workspace)


def test_an_empty_folder_becomes_a_workspace(tmp_path):
    eocene.open(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["eocene.json"]


@pytest.mark.parametrize("create", [True, False])
def test_a_folder_with_other_things_and_a_file_are_refused_and_left_as_they_are(tmp_path, create):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.txt").write_text("years of work")
    before = take_snapshot(tmp_path)
    for path in (tmp_path / "data", tmp_path / "data" / "thesis.txt"):
        with pytest.raises(InputError, match="is not an Eocene workspace") as refused:
            eocene.open(path, create=create)
        assert refused.value.code == "FilePathInvalid"
        assert "eocene.json" in refused.value.remedy
    assert take_snapshot(tmp_path) == before


def test_a_url_is_refused_with_the_clients_that_reach_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnavailableError, match=r"openeo\.connect"):
        eocene.open("https://example.org/openeo")
    assert list(tmp_path.iterdir()) == []


def test_without_create_nothing_is_made(tmp_path):
    with pytest.raises(InputError, match="There is no workspace"):
        eocene.open(tmp_path / "absent", create=False)
    with pytest.raises(InputError, match="There is no workspace"):
        eocene.open(tmp_path, create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        eocene.open(tmp_path / "file" / "workspace")


def test_two_opens_of_one_workspace_see_the_same(simulated_world, tmp_path):
    scene = next((simulated_world.folder / S2).glob("S2?_*"))
    with eocene.open(tmp_path / "w") as first, eocene.open(tmp_path / "w") as second:
        assert second.search() == []
        (item,) = first.ingest(scene / f"{scene.name}.json", collection=S2)
        assert [i.id for i in second.search()] == [item.id] == [scene.name]
        second.ingest(scene / f"{scene.name}.json", collection=S2)
        assert len(first.search()) == 1


def test_close_closes_every_room_and_what_is_asked_next_opens_again(tmp_path):
    ws = eocene.open(tmp_path / "w")
    for room in (ws.archive, ws.jobs, ws.layers, ws.users, ws.links, ws.models):
        assert room is not None
    ws.close()
    ws.close()
    assert not {"archive", "jobs", "layers", "users", "links"} & set(vars(ws))
    assert ws.search() == []
    ws.close()


def test_ingest_returns_pystac_items_and_tells_progress(simulated_world, tmp_path):
    told = []
    with eocene.open(tmp_path / "w") as ws:
        items = ws.ingest(simulated_world.folder, progress=lambda done, total: told.append((done, total)))
        assert all(isinstance(item, pystac.Item) for item in items)
        assert len(items) == simulated_world.items == len(ws.search())
    assert told[-1][0] == told[-1][1] == len(told)


def in_box(item: pystac.Item, box: tuple[float, ...]) -> bool:
    return shapely.geometry.shape(item.geometry).intersects(shapely.box(*box))


def test_search_equals_a_plain_loop_over_all_items(world, everything):
    x, y = find_middle(world)
    boxes = [(x, y, x + 0.2, y + 0.2), (x - 0.2, y - 0.2, x - 0.008, y + 0.2), (0.0, 0.0, 1.0, 1.0)]
    start, end = datetime.fromisoformat("2024-05-01T00:00Z"), datetime.fromisoformat("2024-08-01T00:00Z")
    for box in boxes:
        found = world.search(
            S2, bbox=list(box), datetime="2024-05/2024-07", filter="eo:cloud_cover < 40", sortby=["id"]
        )
        expected = [
            item.id
            for item in everything
            if item.collection_id == S2
            and in_box(item, box)
            and start <= item.datetime < end
            and item.properties["eo:cloud_cover"] < 40
        ]
        assert [item.id for item in found] == sorted(expected)
    assert sum(in_box(item, boxes[1]) for item in everything) > 10


def test_search_takes_the_last_day_of_a_month_and_the_newest_first(world, everything):
    last = max(i.datetime for i in everything if i.collection_id == S2)
    found = world.search(collections=[S2], datetime=f"{last:%Y-%m-%d}")
    assert {i.id for i in found} == {
        i.id for i in everything if i.collection_id == S2 and i.datetime.date() == last.date()
    }
    assert [i.datetime for i in world.search(S2)] == sorted(
        (i.datetime for i in everything if i.collection_id == S2), reverse=True
    )
    assert len(world.search(S2, limit=3)) == 3
    assert [i.id for i in world.search(ids=[found[0].id])] == [found[0].id]


def test_load_reads_nothing_until_it_is_asked_and_then_equals_run(world, monkeypatch):
    x, y = find_middle(world)
    box = [x - 0.003, y - 0.003, x + 0.003, y + 0.003]
    opened = []
    read = world.archive.open_raster
    monkeypatch.setattr(world.archive, "open_raster", lambda asset: opened.append(asset) or read(asset))
    lazy = world.load(S2, bands=["red", "B08"], bbox=box, datetime="2024-06")
    assert not opened
    assert lazy.dims == ("t", "bands", "y", "x")
    part = lazy.isel(t=0, bands=1)[3:9, 5:].compute()
    assert opened
    graph = {
        "load": {
            "process_id": "load_collection",
            "arguments": {
                "id": S2,
                "bands": ["B04", "B08"],
                "spatial_extent": dict(zip(("west", "south", "east", "north"), box, strict=True)),
                "temporal_extent": ["2024-06-01", "2024-07-01"],
            },
            "result": True,
        }
    }
    whole = eocene.run(graph, workspace=world)
    np.testing.assert_array_equal(lazy.compute().to_numpy(), whole.to_numpy())
    np.testing.assert_array_equal(part.to_numpy(), whole.to_numpy()[0, 1, 3:9, 5:])
    for dim in ("t", "y", "x"):
        np.testing.assert_array_equal(lazy[dim], whole[dim])


def test_values_of_load_are_the_files_by_rasterio(world, everything):
    item = next(i for i in everything if i.id.startswith("S2") and "32UQU" in i.id and "0613" in i.id)
    cube = world.load(S2, bands=["B08"], datetime=f"{item.datetime:%Y-%m-%d}", crs=32632, resolution=10)
    asset = item.assets["B08"]
    with rasterio.open(asset.href) as file:
        stored = file.read(1)
        xs = file.transform.c + 10 * (np.arange(file.width) + 0.5)
        ys = file.transform.f - 10 * (np.arange(file.height) + 0.5)
    scale, offset = asset.extra_fields["raster:scale"], asset.extra_fields["raster:offset"]
    expected = np.where(stored == 0, np.nan, stored * scale + offset)
    values = cube.isel(t=0, bands=0).sel(x=xs, y=ys).to_numpy()
    # Where both tiles lie, either may have been taken.
    other = next(i for i in everything if i.id.startswith("S2") and "33UTP" in i.id).assets["B08"]
    with rasterio.open(other.href) as file:
        overlap_starts = rasterio.warp.transform_bounds(file.crs, 32632, *file.bounds)[0]
    alone = xs < overlap_starts - 10
    assert 20 < alone.sum() < alone.size
    np.testing.assert_allclose(values[:, alone], expected[:, alone], atol=1e-6)


def test_load_stands_on_the_grid_that_is_asked_for(world):
    x, y = find_middle(world)
    box = (x - 0.01, y - 0.005, x + 0.01, y + 0.005)
    cube = world.load(S2, bands=["B04"], bbox=box, datetime="2024-06", crs="EPSG:3857", resolution=30)
    assert cube.attrs["crs"] == "EPSG:3857"
    assert np.diff(cube.x).tolist() == [30.0] * (cube.sizes["x"] - 1)
    assert ((cube.x.to_numpy() - 15) % 30 == 0).all()
    assert np.diff(cube.y).tolist() == [-30.0] * (cube.sizes["y"] - 1)
    west, _, _, north = gpd.GeoSeries([shapely.box(*box)], crs=4326).to_crs(3857).total_bounds
    assert west - 30 < cube.x[0] < west + 30
    assert north - 30 < cube.y[0] < north + 30
    assert np.isfinite(cube.isel(t=0)).any()


@pytest.mark.parametrize(
    ("wrong", "code", "told"),
    [
        ({"bands": ["B99"]}, None, "B02"),
        ({"bbox": (1, 2, 3)}, "ProcessParameterInvalid", "west, south, east, north"),
        ({"bbox": (11.5, 48.0, 11.0, 48.5)}, None, "west"),
        ({"bbox": (0.0, 0.0, 1.0, 1.0)}, None, "touches the box.*covers"),
        ({"datetime": "soon"}, "ProcessParameterInvalid", "2024-04-30"),
        ({"datetime": "2024-07/2024-05"}, "TemporalExtentEmpty", "start"),
        ({"crs": 32632}, "ProcessParameterInvalid", "together"),
        ({"resolution": 10}, "ProcessParameterInvalid", "together"),
        ({"crs": "moon", "resolution": 10}, "ProcessParameterInvalid", "32631"),
        ({"crs": 999999, "resolution": 10}, None, "999999"),
        ({"crs": 32632, "resolution": 0}, None, "resolution"),
        ({"crs": 32632, "resolution": float("nan")}, None, "resolution"),
    ],
)
def test_wrong_input_of_load_is_named_with_its_remedy(world, wrong, code, told):
    with pytest.raises(InputError, match=f"(?i){told}") as error:
        world.load(S2, **wrong)
    assert error.value.remedy
    assert code is None or error.value.code == code


def test_an_unknown_collection_is_named_beside_those_there_are(world):
    for ask in (world.load, world.table, world.search):
        with pytest.raises(NotFoundError, match="sentinel-2-l2a") as error:
            ask("sentinel-2-l1a")
        assert error.value.code == "CollectionNotFound"


def test_a_wrong_filter_box_or_time_of_search_is_named(world):
    for wrong in (
        {"filter": "eo:cloud_cover <"},
        {"bbox": "here"},
        {"bbox": (11.0, 49.0, 12.0, 48.0)},
        {"bbox": (0.0, float("nan"), 1.0, 1.0)},
        {"datetime": "2024-13"},
        {"sortby": ["; DROP TABLE items"]},
        {"limit": -1},
    ):
        with pytest.raises(InputError) as error:
            world.search(S2, **wrong)
        assert error.value.remedy


def test_a_table_comes_as_it_was_written(world, simulated_world):
    (file,) = (simulated_world.folder / "parcels").rglob("*.parquet")
    parcels = world.table("parcels")
    assert parcels.equals(gpd.read_parquet(file))
    weather = world.table("weather")
    assert isinstance(weather, pd.DataFrame)
    assert len(weather) >= 365
    with pytest.raises(InputError, match="is not a table"):
        world.table(S2)


def test_a_graph_can_be_estimated_and_explained_without_being_run(world):
    graph = {"load": {"process_id": "load_collection", "arguments": {"id": S2}, "result": True}}
    estimate = eocene.estimate(graph, workspace=world)
    explanation = eocene.explain(graph, workspace=world)
    assert explanation.estimate.bytes_read == estimate.bytes_read
    assert 0 < estimate.bytes_read < estimate.peak_memory
    assert str(explanation).startswith("load: load_collection")


def test_run_takes_a_path_of_a_workspace_and_closes_nothing_of_yours(world):
    graph = {"sum": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}
    assert eocene.run(graph, workspace=world.layout.root) == 3
    assert eocene.run(graph, workspace=world) == 3
    assert len(world.search(limit=1)) == 1


def test_run_in_a_place_without_a_workspace_makes_none(tmp_path):
    with pytest.raises(InputError, match="There is no workspace"):
        eocene.run({}, workspace=tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_catalogue_is_named_and_left_as_it_is(tmp_path):
    eocene.open(tmp_path / "w").close()
    catalogue: Path = tmp_path / "w" / "catalogue.sqlite"
    catalogue.write_bytes(b"not a database" * 1000)
    with pytest.raises(EoceneError, match=r"catalogue\.sqlite") as error:
        eocene.open(tmp_path / "w").search()
    assert error.value.remedy
    assert catalogue.read_bytes() == b"not a database" * 1000
