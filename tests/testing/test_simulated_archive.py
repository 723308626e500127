"""The simulated archive is a whole, valid, repeatable STAC catalogue."""

import hashlib
import json
import shutil

import geopandas
import pandas as pd
import pystac
import pytest
import rasterio

from eocene.model.errors import InputError
from eocene.testing.simulate import simulate_archive


def pixels(archive):
    """Return a hash of the pixels of every raster, by path."""
    hashes = {}
    for path in sorted(archive.folder.rglob("*.tif")):
        with rasterio.open(path) as source:
            digest = hashlib.sha256(source.read(1).tobytes()).hexdigest()
        hashes[str(path.relative_to(archive.folder))] = digest
    return hashes


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return simulate_archive(tmp_path_factory.mktemp("small") / "world", size=128, dates=1, seed=3)


def test_the_same_seed_gives_the_same_pixels_and_tables_bit_for_bit(small, tmp_path):
    again = simulate_archive(tmp_path / "again", size=128, dates=1, seed=3)
    assert pixels(small) == pixels(again)
    for name in ("parcels", "water"):
        path = f"{name}/{name}-2024/{name}-2024.parquet"
        first, second = (geopandas.read_parquet(a.folder / path) for a in (small, again))
        assert first.equals(second)


def test_another_seed_gives_another_world(small, tmp_path):
    other = simulate_archive(tmp_path / "other", size=128, dates=1, seed=4)
    first, second = pixels(small), pixels(other)
    assert all(first[path] != second[path] for path in first if path.endswith("B04.tif"))


def test_pystac_reads_the_whole_catalogue_and_every_asset_opens_as_described(simulated):
    catalogue = pystac.Catalog.from_file(str(simulated.catalogue))
    assert {c.id for c in catalogue.get_children()} == set(simulated.collections)
    items = list(catalogue.get_items(recursive=True))
    assert len(items) == simulated.items
    for item in items:
        assert item.get_parent().id == item.collection_id
        assert item.datetime is not None or item.common_metadata.start_datetime is not None
        for asset in item.assets.values():
            if asset.media_type == pystac.MediaType.COG:
                check_raster(asset)
            else:
                assert len(pd.read_parquet(asset.get_absolute_href())) > 0


def check_raster(asset):
    fields = asset.extra_fields
    with rasterio.open(asset.get_absolute_href()) as source:
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert f"EPSG:{source.crs.to_epsg()}" == fields["proj:code"]
        assert list(source.shape) == fields["proj:shape"]
        assert list(source.transform)[:6] == fields["proj:transform"]
        assert source.dtypes[0] == fields["data_type"]
        assert source.nodata == fields["nodata"]


def test_the_catalogue_follows_the_rules_of_stac(simulated):
    """Core rules by hand, since the schemas are not on this machine."""
    for path in simulated.folder.rglob("*.json"):
        value = json.loads(path.read_text())
        if "stac_version" not in value:
            continue
        assert value["stac_version"] == "1.1.0"
        assert value["type"] in {"Catalog", "Collection", "Feature"}
        for link in value["links"]:
            assert (path.parent / link["href"]).resolve().exists(), link
        if value["type"] == "Feature":
            west, south, east, north = value["bbox"]
            assert west < east
            assert south < north
            assert value["geometry"]["type"] == "Polygon"
        if value["type"] == "Collection":
            assert value["license"]
            assert set(value["item_assets"])
            begin, end = value["extent"]["temporal"]["interval"][0]
            assert begin <= end


def test_optical_items_carry_scale_offset_and_the_same_solar_day_in_both_tiles(simulated):
    items = [json.loads(p.read_text()) for p in (simulated.folder / "sentinel-2-l2a").glob("*/*.json")]
    assert len(items) == 24
    for item in items:
        band = item["assets"]["B04"]
        assert (band["raster:scale"], band["raster:offset"], band["nodata"]) == (0.0001, -0.1, 0)
        assert "raster:scale" not in item["assets"]["SCL"]
        assert item["assets"]["SCL"]["classification:classes"]
    days = {item["properties"]["datetime"][:10] for item in items}
    assert len(days) == 12
    assert len({item["properties"]["datetime"] for item in items}) == 24


def test_weather_covers_the_year_in_kelvin_and_it_rains_before_the_flood(simulated):
    table = pd.read_parquet(simulated.folder / "weather/weather-2024/weather-2024.parquet")
    assert len(table) == 366
    assert table.temperature_mean.between(245, 315).all()
    june = table.set_index("time").precipitation_flux["2024-06-05":"2024-06-08"]
    assert june.sum() > 100


def test_parcels_are_valid_polygons_with_dates_in_order(simulated):
    table = geopandas.read_parquet(simulated.folder / "parcels/parcels-2024/parcels-2024.parquet")
    assert table.crs.to_epsg() == 4326
    assert table.id.is_unique
    assert table.geometry.is_valid.all()
    assert (table.geometry.geom_type == "Polygon").all()
    area = table.to_crs("+proj=laea +lat_0=48.3 +lon_0=12").area / 1e4
    assert (abs(area - table.area_ha) < 0.01 * table.area_ha + 0.01).all()
    sown = table.dropna(subset=["sowing_date"])
    assert (sown.sowing_date < sown.harvest_date).all()
    assert set(table.crop) == {"winter_wheat", "maize", "rapeseed", "sugar_beet", "grassland"}


def test_a_lost_item_is_made_again_exactly_and_nothing_else_is_touched(small, tmp_path):
    shutil.copytree(small.folder, tmp_path / "cut")
    lost = next((tmp_path / "cut" / "sentinel-2-l2a").glob("S2A_33*"))
    shutil.rmtree(lost)
    (tmp_path / "cut" / "catalog.json").unlink()
    kept = next((tmp_path / "cut" / "sentinel-2-l2a").glob("S2A_32*")) / "B04.tif"
    before = kept.stat().st_mtime_ns
    progress = []
    again = simulate_archive(
        tmp_path / "cut",
        size=128,
        dates=1,
        seed=3,
        progress=lambda done, total: progress.append((done, total)),
    )
    assert progress == [(again.items - 1, again.items), (again.items, again.items)]
    assert kept.stat().st_mtime_ns == before
    assert pixels(again) == pixels(small)
    assert again.catalogue.exists()


def test_a_run_killed_half_way_is_completed_by_the_next(tmp_path, small):
    def stop(done: int, _total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_archive(tmp_path / "killed", size=128, dates=1, seed=3, progress=stop)
    assert not (tmp_path / "killed" / "catalog.json").exists()
    again = simulate_archive(tmp_path / "killed", size=128, dates=1, seed=3)
    assert pixels(again) == pixels(small)


def test_a_complete_archive_is_left_as_it_is(small):
    before = {p: p.stat().st_mtime_ns for p in small.folder.rglob("*") if p.is_file()}
    again = simulate_archive(small.folder, size=128, dates=1, seed=3)
    assert again.megapixels == 0
    assert {p: p.stat().st_mtime_ns for p in small.folder.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": 100}, "multiple of 64"),
        ({"size": 64}, "multiple of 64"),
        ({"size": 20_000}, "multiple of 64"),
        ({"dates": 0}, "1 to 30 dates"),
        ({"dates": 99}, "1 to 30 dates"),
        ({"seed": -1}, "from 0 on"),
    ],
)
def test_an_argument_out_of_range_is_refused_with_the_remedy_and_nothing_is_made(tmp_path, arguments, words):
    with pytest.raises(InputError, match=words):
        simulate_archive(tmp_path / "world", **{"size": 128, "dates": 1, **arguments})
    assert not (tmp_path / "world").exists()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(InputError, match="is a file"):
        simulate_archive(path, size=128, dates=1)
    assert path.read_text() == "mine"


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="no simulated archive"):
        simulate_archive(tmp_path, size=128, dates=1)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_made_with_other_arguments_is_refused_and_kept(small):
    with pytest.raises(InputError, match="another folder"):
        simulate_archive(small.folder, size=128, dates=2, seed=3)
    assert json.loads((small.folder / "simulation.json").read_text())["dates"] == 1
