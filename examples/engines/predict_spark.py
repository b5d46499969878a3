"""Label a Spark DataFrame: predict_spark.py MODEL TEXTS.csv LABELLED."""

import os
import sys
from pathlib import Path

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf

HERE = Path(__file__).parent


def label(texts, folder, spark):
    """The rows with a column of labels, computed when asked for."""
    spark.sparkContext.addPyFile(str(HERE / "labelling.py"))

    def partition(batches):
        from labelling import labelled

        for batch in batches:
            yield labelled(batch, folder)

    columns = ", ".join(f"`{name}` {kind}" for name, kind in texts.dtypes)
    return texts.mapInPandas(partition, f"{columns}, labels string")


def label_column(folder, spark):
    """The same as a function of a column: ``texts.withColumn("labels", udf("text"))``."""
    spark.sparkContext.addPyFile(str(HERE / "labelling.py"))

    @pandas_udf("string")
    def labels(text: pd.Series) -> pd.Series:
        from labelling import labelled

        return labelled(text.to_frame("text"), folder)["labels"]

    return labels


if __name__ == "__main__":
    folder, source, target = sys.argv[1:]
    # Workers run this Python, and not the first "python3" that they find.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with SparkSession.builder.master("local[2]").getOrCreate() as spark:
        texts = spark.read.csv(source, header=True, multiLine=True, escape='"')
        label(texts, folder, spark).write.csv(target, header=True)
