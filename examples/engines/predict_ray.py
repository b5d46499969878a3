"""Label a dataset of Ray: predict_ray.py MODEL TEXTS.csv LABELLED."""

import sys

import ray

from sklabelemb import serving


class Labels:
    """An actor, which loads the model when it starts and keeps it."""

    def __init__(self, folder):
        self.model = serving.load(folder)

    def __call__(self, batch):
        names = self.model.predict_labels(batch["text"])
        return batch.assign(labels=[";".join(row) for row in names])


def label(texts, folder):
    """The rows with a column of labels, computed when asked for."""
    return texts.map_batches(
        Labels,
        fn_constructor_args=(folder,),
        batch_format="pandas",
        compute=ray.data.ActorPoolStrategy(size=2),
    )


if __name__ == "__main__":
    folder, source, target = sys.argv[1:]
    ray.init(num_cpus=3)  # two actors, and one to read and write
    ray.data.DataContext.get_current().execution_options.preserve_order = True
    label(ray.data.read_csv(source), folder).write_csv(target)
