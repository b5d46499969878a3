"""Promise 14: what scikit-learn checks of classifiers of numbers, on text.

scikit-learn's own `check_estimator` runs almost nothing on estimators that take raw text, so most
of the contract says again, on text, what it would have said on numbers.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.utils import estimator_checks

from ..tolerances import close
from .small import (
    ALL,
    CLASS_TEXTS,
    CLASSES,
    LABELS,
    TEXTS,
    UNSEEN,
    answers,
    answers_as,
    fitted,
    learnt,
    methods_of,
    outcome,
)


def checks_by_scikit_learn():
    # It says that it cannot make up data for texts, and yields the few checks that need none.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        # A list: what parametrize_with_checks gives is read later by some versions of pytest.
        return [
            pair
            for factory in ALL.values()
            for pair in estimator_checks.estimator_checks_generator(factory())
        ]


@pytest.mark.parametrize(("estimator", "check"), checks_by_scikit_learn())
def test_the_checks_that_scikit_learn_itself_would_run(estimator, check):
    check(estimator)


def test_check_estimator(make):
    with pytest.warns(SkipTestWarning, match="requires input  of type"):
        results = estimator_checks.check_estimator(make())
    # The proof that passing it proves nothing.
    assert [result["check_name"] for result in results] == ["check_estimator_cloneable"]
    assert results[0]["status"] == "passed"


# Checks of scikit-learn that look at no data, or stop before they do.
CHECKS_WITHOUT_DATA = [
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_estimators_unfitted",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_param_validation",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]

# Checks of scikit-learn that hand their numbers to `_enforce_estimator_tags_X` first: there the
# rows become texts, and the rest of the check is scikit-learn's own.
CHECKS_ON_WRITTEN_ROWS = [
    "check_all_zero_sample_weights_error",
    "check_classifiers_classes",
    "check_classifiers_multilabel_output_format_decision_function",
    "check_classifiers_multilabel_output_format_predict",
    "check_classifiers_multilabel_representation_invariance",
    "check_classifiers_regression_target",
    "check_estimators_fit_returns_self",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_non_transformer_estimators_n_iter",
    "check_pipeline_consistency",
    "check_readonly_memmap_input",
    "check_requires_y_none",
    "check_sample_weights_list",
]


def rows_as_texts(estimator, X, kernel=None, X_test=None):
    """Stand-in for scikit-learn's `_enforce_estimator_tags_X`: a word for each rounded number."""

    def written(rows):
        texts = [
            " ".join(f"w{column}v{np.floor(float(v)):.0f}" for column, v in enumerate(row))
            for row in np.asarray(rows)
        ]
        return np.array(texts, dtype=object)

    return written(X) if X_test is None else (written(X), written(X_test))


@pytest.mark.parametrize("check", CHECKS_WITHOUT_DATA)
def test_checks_of_scikit_learn(make, check):
    model = make()
    if check == "check_param_validation" and "classifier" in model.get_params():
        pytest.skip("the check takes an object with a fit method for a wrong value")
    getattr(estimator_checks, check)(type(model).__name__, model)


@pytest.mark.parametrize("check", CHECKS_ON_WRITTEN_ROWS)
def test_checks_of_scikit_learn_on_text(make, check, monkeypatch):
    monkeypatch.setattr(estimator_checks, "_enforce_estimator_tags_X", rows_as_texts)
    model = make()
    with warnings.catch_warnings():
        # The checks' random labels include some without positives, and models that do not converge.
        warnings.filterwarnings("ignore", "1 of . labels have no positive", UserWarning)
        warnings.filterwarnings("ignore", ".*y_prob values do not sum", UserWarning)
        getattr(estimator_checks, check)(type(model).__name__, model)


# The following checks of scikit-learn slice or compute with the numbers themselves; they are said
# again here, on text.


def test_fit_again_gives_the_same(name, make):  # check_fit_idempotent, with our texts
    model = make().fit(TEXTS, LABELS)
    model.fit(TEXTS, LABELS)
    assert answers_as(model, name)


def test_fit_forgets_what_was_before(name, make):
    model = make().fit(CLASS_TEXTS, CLASSES)
    model.fit(TEXTS, LABELS)
    assert answers_as(model, name)
    assert learnt(model) == learnt(fitted(name))


def test_predicting_changes_nothing(name, make):  # check_dict_unchanged
    model = make().fit(TEXTS, LABELS)
    before = {key: id(value) for key, value in vars(model).items()}
    for method in methods_of(model):
        getattr(model, method)(UNSEEN)
    assert {key: id(value) for key, value in vars(model).items()} == before
    assert answers_as(model, name)


def test_fit_adds_attributes_with_an_underscore_only(make):  # check_dont_overwrite_parameters
    model = make()
    parameters = set(vars(model))
    model.fit(TEXTS, LABELS)
    added = set(vars(model)) - parameters
    assert all(key.endswith("_") or key.startswith("_") for key in added)
    assert hasattr(model, "classes_")
    assert hasattr(model, "label_names_")
    # scikit-learn's callbacks leave nothing behind
    assert not any("callback" in key for key in added)


def test_order_of_the_texts_does_not_matter(every_name):  # check_methods_sample_order_invariance
    model = fitted(every_name)
    order = np.random.default_rng(0).permutation(len(UNSEEN))
    shuffled = [UNSEEN[i] for i in order]
    for method in methods_of(model):
        close(
            outcome(model, method, shuffled),
            answers(every_name)[method][order],
            dtype=np.float32,
        )


def test_batches_do_not_matter(every_name):  # check_methods_subset_invariance
    model = fitted(every_name)
    for method in methods_of(model):
        pieces = [outcome(model, method, [text]) for text in UNSEEN[:8]]
        close(np.concatenate(pieces), answers(every_name)[method][:8], dtype=np.float32)


def test_unfitted_models_say_so(make):  # check_estimators_unfitted, on text
    model = make()
    for method in [*methods_of(model), "count_parameters"]:
        if hasattr(model, method):
            with pytest.raises(NotFittedError, match="Call 'fit'"):
                getattr(model, method)(*([] if method == "count_parameters" else [TEXTS]))
