"""Land cover: from satellite products to a map, a model and an answer.

The main job of the platform, composed of the rooms: ingest → NDVI as a batch job → samples and splits
→ a model → its map as a batch job → parcels → linked data → a question → layers of the map page.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.apps.batch import delete_jobs, find_earlier, run_here
from eocene.apps.graphs import monthly_ndvi, result_graph, true_colour, zonal_ndvi
from eocene.apps.samples import draw_samples, drop_copies, plan_labels, read_classes
from eocene.cube.polygons import trace_polygons
from eocene.curate import Draw, block_split, random_split
from eocene.jobs import Layer, Layers
from eocene.jobs.layers import describe_extent
from eocene.learn import ModelRegistry, evaluate, train
from eocene.learn.features import make_feature_graph
from eocene.learn.zones import classify_zones
from eocene.process import make_plan

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from eocene.apps.batch import RunJob
    from eocene.apps.steps import Advance, Steps
    from eocene.apps.study import Study
    from eocene.archive import Archive
    from eocene.curate import Samples
    from eocene.learn import Report
    from eocene.process import Plan

FOLDS = 5
NDVI_TITLE, MAP_TITLE = "NDVI, monthly median", "Land cover"
TRUE_COLOUR = {"kind": "rgb", "bands": ["B04", "B03", "B02"], "min": 0.0, "max": 0.2}
NDVI = {"kind": "continuous", "bands": ["data"], "min": 0.0, "max": 0.9, "colormap": "ndvi"}
CONFIDENCE = {"kind": "continuous", "bands": ["confidence"], "min": 0.3, "max": 1.0, "colormap": "viridis"}


@dataclass
class LandCover:
    """The application in one workspace; run the steps in the order in which they stand.

    Each step replaces what it made before, so a run that was killed is completed by the next. Batch jobs run
    in this process, unless ``run_job`` has them run elsewhere.
    """

    archive: Archive
    study: Study
    steps: Steps
    run_job: RunJob | None = None
    outputs: dict[str, str] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    earlier: list[str] = field(default_factory=list)

    def run(self) -> dict[str, Any]:
        """Run all steps on what the archive holds and return the figures and outputs as JSON."""
        start = time.perf_counter()
        self.earlier = find_earlier(self.archive, (NDVI_TITLE, MAP_TITLE))
        self.compute_ndvi()
        samples = self.draw_samples()
        model_id = self.train_model(samples)
        prediction = self.map_area(model_id)
        parcels = self.classify_parcels(prediction, samples)
        self.link_results(prediction, parcels, samples, model_id)
        self.ask_question()
        self.publish_layers(samples)
        delete_jobs(self.archive, self.earlier)
        self.figures["seconds"] = round(time.perf_counter() - start, 1)
        return {**self.figures, "outputs": self.outputs, "steps": self.steps.as_records()}

    def compute_ndvi(self) -> None:
        """Run the NDVI monthly median as a batch job."""
        with self.steps.step("NDVI monthly median") as (step, advance):
            job = self._run_job(monthly_ndvi(self.study.months), NDVI_TITLE, advance)
            self.outputs["ndvi"] = f"results/{job}"
            plan = self._open_result(job)
            middle = plan.schema.times[len(plan.schema.times) // 2]
            value = float(np.nanmean(plan.read(times=[middle]).to_numpy()))
            step.outcome = f"{len(plan.schema.times)} months of {_size(plan)}, COG + Zarr + STAC"
            step.figure = f"mean NDVI {value:.3f} in {str(middle)[:7]}"

    def draw_samples(self) -> Samples:
        """Sample labelled pixels: the monthly features beside the reference classes."""
        with self.steps.step("labelled samples") as (step, advance):
            plan = make_plan(make_feature_graph(self.study.months), self.archive)
            dataset = draw_samples(
                self.archive,
                plan,
                self.study.labels,
                self.study.draw,
                name="land-cover",
                progress=advance,
            )
            dataset = drop_copies(self.archive, dataset)
            samples = dataset.read()
            folder = self.archive.layout.datasets / dataset.id
            self.outputs["dataset"] = str(folder.relative_to(self.archive.layout.root))
            self.figures |= {"pixels": len(samples), "classes": len(samples.classes)}
            step.outcome = f"{len(samples)} pixels of {len(samples.classes)} classes"
            step.figure = f"{len(samples.feature_names)} features"
        return samples

    def train_model(self, samples: Samples) -> str:
        """Train, score on random and on block splits, and register."""
        with self.steps.step("train and register") as (step, _):
            spec, study = self.study.spec, self.study
            splits = {
                "random": random_split(samples, FOLDS, spec.seed),
                "block": block_split(samples, FOLDS, study.block_size_m, spec.seed),
                "buffered": block_split(samples, FOLDS, study.block_size_m, spec.seed, study.buffer_m),
            }
            report = evaluate(samples, spec, splits)
            model_id = ModelRegistry(self.archive.layout).register(
                train(samples, spec), report, samples, name="land-cover"
            )
            self.outputs["model"] = f"models/{model_id}"
            self._note_scores(report)
            step.outcome = f"{model_id} (ONNX, STAC MLM), left-out blocks of {study.block_size_m:.0f} m"
            step.figure = (
                f"blocks {report.accuracy('block'):.3f} ({report.accuracy('buffered'):.3f} with a buffer of "
                f"{study.buffer_m:.0f} m), random {report.accuracy('random'):.3f}"
            )
        return model_id

    def _note_scores(self, report: Report) -> None:
        self.figures["accuracy_block"] = round(report.accuracy("block"), 4)
        self.figures["accuracy_block_buffered"] = round(report.accuracy("buffered"), 4)
        self.figures["accuracy_random"] = round(report.accuracy("random"), 4)
        self.figures["accuracy_majority"] = round(report.splits["block"].baseline["accuracy"], 4)

    def map_area(self, model_id: str) -> xr.DataArray:
        """Predict the whole area as a batch job, with confidence."""
        with self.steps.step("land-cover map") as (step, advance):
            graph = make_feature_graph(self.study.months, model=model_id)
            job = self._run_job(graph, MAP_TITLE, advance)
            self.outputs["map"] = f"results/{job}"
            prediction: xr.DataArray = self._open_result(job).run().isel(t=0)
            step.outcome = f"class and confidence, {prediction.sizes['x']} x {prediction.sizes['y']} pixels"
            if self.study.draw == Draw():  # everything was drawn: the map repeats what was learnt
                step.outcome += ", all seen in training"
            step.figure = f"mean confidence {float(prediction.sel(bands='confidence').mean()):.3f}"
        return prediction

    def classify_parcels(self, prediction: xr.DataArray, samples: Samples) -> gpd.GeoDataFrame:
        """Give each parcel the class of most of its pixels."""
        with self.steps.step("parcels classified") as (step, _):
            zones = self._read_parcels()
            grid = self._open_result(self._job_of("map")).grid
            parcels = classify_zones(prediction, grid, zones, samples.class_names)
            path = self.archive.layout.results / "parcels.parquet"
            parcels.to_crs(4326).to_parquet(path)
            self.outputs["parcels"] = "results/parcels.parquet"
            step.outcome = f"{len(parcels)} parcels"
            if "crop" in parcels:
                agree = float((parcels["crop"] == parcels["class"]).mean())
                self.figures["parcel_agreement"] = round(agree, 4)
                step.figure = f"{agree:.3f} as declared"
            else:
                step.figure = f"mean share {parcels['share'].mean():.3f}"
        return parcels

    def link_results(
        self, prediction: xr.DataArray, parcels: gpd.GeoDataFrame, samples: Samples, model_id: str
    ) -> None:
        """Map parcels, neighbours, observations and provenance to RDF."""
        from eocene import link

        with self.steps.step("linked data") as (step, advance):
            graph = zonal_ndvi(self.study.observed, parcels)
            series = make_plan(graph, self.archive).run(advance)
            observed = series[["id", "t", "value"]].set_axis(["feature", "time", "value"], axis=1)
            waters = self._trace_waters(prediction, samples)
            job = self._job_of("map")
            record = self._describe_job(job, model_id)
            parcel_quads = link.map_parcels(parcels, job=job)
            water_quads = link.map_features(waters, layer="waters", kind="WaterBody", job=job)
            observations = link.map_observations(observed.assign(property="NDVI"), layer="ndvi")
            with link.LinkStore(self.archive.layout.graph) as store:
                count = store.replace(
                    {
                        **{link.job_graph(old): () for old in self.earlier},
                        link.layer_graph("parcels"): parcel_quads,
                        link.layer_graph("waters"): water_quads,
                        link.layer_graph("ndvi"): observations,
                        link.job_graph(job): link.map_provenance(record),
                    }
                )
            self.outputs["graph"] = "graph"
            self.figures["triples"] = count
            step.outcome = f"{len(parcels)} parcels, {len(waters)} waters, {len(observed)} observations"
            step.figure = f"{count} triples"

    def _trace_waters(self, prediction: xr.DataArray, samples: Samples) -> gpd.GeoDataFrame:
        """Return the water bodies of the map, patches of at least 8 pixels."""
        values = [k for k, name in samples.class_names.items() if name == self.study.water]
        waters = trace_polygons(prediction.sel(bands="class"), values, min_pixels=8)
        return waters.assign(**{"class": self.study.water})

    def _describe_job(self, job: str, model_id: str) -> dict[str, Any]:
        """Return what the provenance tells of the map."""
        plan = make_plan(make_feature_graph(self.study.months, model=model_id), self.archive)
        return {
            "id": job,
            "graph": plan.graph.source,
            "items": plan.items,
            "model": {"id": model_id},
            "layers": ["parcels", "waters"],
            "title": MAP_TITLE,
        }

    def ask_question(self) -> None:
        """Ask the question of the study in GeoSPARQL."""
        from eocene import link
        from eocene.link.questions import find_question

        study = self.study
        with self.steps.step("question in GeoSPARQL") as (step, _):
            with link.LinkStore(self.archive.layout.graph) as store:
                answer = link.ask(store, study.question, **study.asked)
            self.figures["answers"] = len(answer)
            step.outcome = find_question(study.question).title
            step.figure = f"{len(answer)} rows"

    def publish_layers(self, samples: Samples) -> None:
        """Put the results on the map page."""
        with self.steps.step("map layers") as (step, _):
            with closing(Layers(self.archive.layout)) as layers:
                made = [layers.put(layer) for layer in self._make_layers(samples)]
            step.outcome = ", ".join(layer.title for layer in made)
            step.figure = f"{len(made)} layers"

    def _make_layers(self, samples: Samples) -> list[Layer]:
        classes = [
            {"value": c["value"], "name": c["name"], "color": f"#{c.get('color_hint', '888888')}"}
            for c in read_classes(self.archive, self.study.labels)
            if c["value"] in samples.class_names
        ]
        ndvi, land_cover = self._job_of("ndvi"), self._job_of("map")
        rasters = [
            ("true-colour", "Sentinel-2, true colour", true_colour(self.study.months), TRUE_COLOUR),
            ("ndvi", NDVI_TITLE, result_graph(ndvi), NDVI),
            ("land-cover", MAP_TITLE, result_graph(land_cover, "class"), _class_style(classes)),
            ("confidence", "Confidence of the map", result_graph(land_cover, "confidence"), CONFIDENCE),
        ]
        named = [{**c, "value": c["name"]} for c in classes]
        shown = [self._raster_layer(*raster) for raster in rasters]
        parcels = Layer(
            id="parcels",
            title="Parcels",
            kind="vector",
            source="results/parcels.parquet",
            style={"kind": "classes", "property": "class", "classes": named},
            bounds=shown[0].bounds,
        )
        return [*shown, parcels]

    def _raster_layer(self, name: str, title: str, graph: dict[str, Any], style: dict[str, Any]) -> Layer:
        plan = make_plan(graph, self.archive)
        return Layer(
            id=name, title=title, process={"process_graph": graph}, style=style, **describe_extent(plan)
        )

    def _run_job(self, graph: dict[str, Any], title: str, advance: Advance) -> str:
        """Run a batch job and return its id."""
        return (
            self.run_job(graph, title, advance)
            if self.run_job
            else run_here(self.archive, graph, title, advance)
        )

    def _job_of(self, output: str) -> str:
        return self.outputs[output].removeprefix("results/")

    def _open_result(self, job: str) -> Plan:
        return make_plan(result_graph(job), self.archive)

    def _read_parcels(self) -> gpd.GeoDataFrame:
        kind, _, name = self.study.parcels.partition(":")
        if kind == "table":
            return self.archive.table(name)
        plan = make_plan(make_feature_graph(self.study.months), self.archive)
        names = {c["value"]: c["name"] for c in read_classes(self.archive, name)}
        labels = plan_labels(self.archive, plan, name).read(plan.grid).isel(t=0, bands=0)
        traced = trace_polygons(labels, min_pixels=4)
        return traced.assign(declared=[names.get(v, str(v)) for v in traced["value"]])


def _class_style(classes: list[dict[str, Any]]) -> dict[str, Any]:
    return {"kind": "classes", "bands": ["class"], "classes": classes}


def _size(plan: Plan) -> str:
    return f"{plan.grid.width} x {plan.grid.height} pixels"
