"""Partitions labelled by Dask, Spark and Ray: the labels, rows and errors of one process."""

from __future__ import annotations

import importlib
import os
import runpy
import sys
from pathlib import Path

import pandas as pd
import pytest

from sklabelemb import LEAMClassifier, load, save
from sklabelemb.datasets import load_support_requests

from .needed import needs

# The engines warn of much that is theirs.
pytestmark = pytest.mark.filterwarnings("default")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "engines"
MISSING = "X has a missing value"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    data = load_support_requests()
    names = {"label_names": data.target_names}
    model = LEAMClassifier(embedding_dim=16, max_epochs=2, random_state=0, **names)
    save(model.fit(data.data[:200], data.target[:200]), path := tmp_path_factory.mktemp("m") / "m")
    return str(path)


@pytest.fixture(scope="module")
def frame():
    texts = load_support_requests().data[200:320]
    index = [f"row {i}" for i in range(len(texts))]
    return pd.DataFrame({"id": range(len(texts)), "text": texts}, index=index)


@pytest.fixture(scope="module")
def expected(folder, frame):
    names = [";".join(row) for row in load(folder).predict_labels(frame["text"])]
    assert len(set(names)) > 5
    return names


@pytest.fixture(scope="module")
def path():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        # The workers of Spark and Ray are started with this environment.
        patch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLES.parents[1]), *sys.path]))
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        yield


@pytest.fixture
def times_loaded():
    """Function for a worker: how often it has loaded a model."""

    # Inside, for a function of this module would be looked for in the worker.
    def times():
        import labelling

        return labelling.model.cache_info().misses

    return times


@needs("dask")
def test_dask(folder, frame, expected, path, times_loaded):
    dd = importlib.import_module("dask.dataframe")
    distributed = importlib.import_module("distributed")
    example = runpy.run_path(str(EXAMPLES / "predict_dask.py"))
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        parts = dd.from_pandas(frame, npartitions=5, sort=False)
        empty = parts.partitions[0].map_partitions(lambda part: part.iloc[:0])
        lazy = example["label"](dd.concat([parts, empty]), folder, client)
        labelled = lazy.compute()
        assert labelled["labels"].tolist() == expected
        assert labelled.index.tolist() == frame.index.tolist()
        assert lazy.dtypes["labels"] == labelled.dtypes["labels"] == "str"
        assert set(client.run(times_loaded).values()) == {1}
        frame = frame.assign(text=[None, *frame["text"][1:]])
        with pytest.raises(ValueError, match=MISSING):
            example["label"](dd.from_pandas(frame, npartitions=2), folder, client).compute()


@needs("pyspark")
def test_spark(folder, frame, expected, path, times_loaded):
    sql = importlib.import_module("pyspark.sql")
    example = runpy.run_path(str(EXAMPLES / "predict_spark.py"))
    session = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    with session.getOrCreate() as spark:
        spark.sparkContext.setLogLevel("OFF")
        texts = spark.createDataFrame(frame)
        labelled = example["label"](texts, folder, spark).toPandas()
        assert labelled["labels"].tolist() == expected
        assert labelled["id"].tolist() == frame["id"].tolist()
        column = texts.withColumn("labels", example["label_column"](folder, spark)("text"))
        assert column.toPandas()["labels"].tolist() == expected
        # More partitions than rows, and none at all.
        few = spark.createDataFrame(frame[:2]).repartition(5)
        assert sorted(example["label"](few, folder, spark).toPandas()["labels"]) == sorted(
            expected[:2]
        )
        none = example["label"](texts.filter("id < 0"), folder, spark).toPandas()
        assert none.shape == (0, 3)

        def loads(batches):
            yield pd.DataFrame({"times": [times_loaded() for _ in batches]})

        times = spark.range(40).repartition(4).mapInPandas(loads, "times long").toPandas()
        assert set(times["times"]) == {1}
        missing = spark.createDataFrame([(1, "a"), (2, None)], "id int, text string")
        with pytest.raises(Exception, match=MISSING):
            example["label"](missing, folder, spark).collect()


@needs("ray")
def test_ray(folder, frame, expected, path):
    ray = importlib.import_module("ray")
    data = importlib.import_module("ray.data")
    example = runpy.run_path(str(EXAMPLES / "predict_ray.py"))
    ray.init(num_cpus=3, include_dashboard=False)
    try:
        data.DataContext.get_current().execution_options.preserve_order = True
        texts = data.from_pandas([frame[:50], frame[50:50], frame[50:]])
        labelled = example["label"](texts, folder).to_pandas()
        assert labelled["labels"].tolist() == expected
        assert labelled["id"].tolist() == frame["id"].tolist()
        missing = data.from_pandas(frame.assign(text=[None, *frame["text"][1:]]))
        with pytest.raises(Exception, match=MISSING):
            example["label"](missing, folder).to_pandas()
    finally:
        ray.shutdown()
