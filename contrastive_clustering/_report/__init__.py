"""One page of HTML on a fitted estimator."""
