"""Label a Dask DataFrame: predict_dask.py MODEL TEXTS.csv LABELLED.csv."""

import sys
from pathlib import Path

import dask.dataframe as dd
import pandas as pd
from dask.distributed import Client, LocalCluster

HERE = Path(__file__).parent


def label(texts, folder, client):
    """The rows with a column of labels, computed when asked for."""
    client.upload_file(str(HERE / "labelling.py"))
    from labelling import labelled

    meta = texts._meta.assign(labels=pd.Series(dtype="str"))
    return texts.map_partitions(labelled, folder, meta=meta)


if __name__ == "__main__":
    folder, source, target = sys.argv[1:]
    with LocalCluster(n_workers=2, threads_per_worker=1) as cluster, Client(cluster) as client:
        label(dd.read_csv(source, blocksize="64MB"), folder, client).to_csv(
            target, single_file=True, index=False
        )
