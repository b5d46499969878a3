"""A saved model for MLflow, which reads this file ("models from code") and pickles nothing."""

import mlflow

from sklabelemb import serving


class Labels(mlflow.pyfunc.PythonModel):
    """Names of labels for the column "text"."""

    def load_context(self, context):
        self.model = serving.load(context.artifacts["model"])

    def predict(self, context, model_input, params=None):
        return self.model.predict_labels(list(model_input["text"]))


mlflow.models.set_model(Labels())
