import re

import numpy as np
import pandas as pd
import polars as pl
import pytest

from contrastive_clustering._utils.texts import reject_text


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([None, "1"], dtype=object),
        pd.Series([3, b"1"], dtype=object),
        pd.Series([None, "1"], dtype="string"),
        pd.Series([None, "1"], dtype="category"),
        pl.Series([None, "1"]),
        pl.Series([None, "1"], dtype=pl.Categorical),
    ],
)
def test_digits_as_text_are_named_by_their_place(column):
    library = pl if isinstance(column, pl.Series) else pd
    frame = library.DataFrame({"age": [61.0, 48.0], "site": column})
    place = re.escape("It holds text, first in Z[1, 1], column 'site'. Drop it or")
    with pytest.raises(ValueError, match=f"^{place}"):
        reject_text(frame, "Z")


@pytest.mark.parametrize("dtype", [object, str, bytes])
def test_arrays_of_text_are_named_by_their_place(dtype):
    values = np.array([[["1", "2"]]], dtype=dtype)
    with pytest.raises(ValueError, match=r"first in X\[0, 0, 0\]\. Drop"):
        reject_text(values, "X")


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((2, 3)),
        np.array([[1, None], [2.5, True]], dtype=object),
        pd.DataFrame({"a": pd.Categorical([1, 2]), "b": [True, False]}),
        pd.DataFrame({"a": pd.Series([1, 2.5], dtype=object)}),
        pl.DataFrame({"a": [1, 2], "b": [True, False]}),
        pd.DataFrame(),
        [["1"]],
    ],
)
def test_other_values_are_no_text(values):
    reject_text(values, "X")
