"""Parameters of the net as keywords of the estimator."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from contrastive_clustering._estimator.synonyms import SYNONYMS
from contrastive_clustering._training.net_params import (
    PREFIXES,
    is_net_parameter,
    net_parameters_of,
)
from contrastive_clustering._utils.messages import show, suggest
from contrastive_clustering._utils.param_validation import CheckedParametersMixin

if TYPE_CHECKING:
    # scikit-learn is not typed. A class that derives from an untyped one could have any
    # attribute, so that no type checker would see a misspelled parameter.
    class BaseEstimator:
        """The methods of scikit-learn's class that are used here."""

        @classmethod
        def _get_param_names(cls) -> list[str]: ...
        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Self: ...
        def __sklearn_tags__(self) -> Any: ...
else:
    from sklearn.base import BaseEstimator


class NetParametersMixin(CheckedParametersMixin, BaseEstimator):
    """Methods of an estimator that takes parameters of its net as keywords."""

    @property
    def _net_params(self) -> dict[str, Any]:
        """The parameters of the net that have been set, by skorch's names."""
        return net_parameters_of(vars(self))

    def _keep_net_params(self, params: Mapping[str, object]) -> None:
        """Store further keywords of the constructor as attributes."""
        for name in params:
            if not is_net_parameter(name):
                raise TypeError(
                    f"{type(self).__name__}() got an unexpected keyword argument "
                    f"{name!r}.{self._suggest_parameter(name)} The prefixes of "
                    "parameters of the net are "
                    f"{', '.join(f'{prefix}__' for prefix in PREFIXES)}."
                )
        self.__dict__.update(params)

    def _check_nested(self, params: Mapping[str, Any]) -> None:
        """Raise if a name is that of a parameter of an object that takes none."""
        for name, value in params.items():
            own, _, nested = name.partition("__")
            owner = params.get(own, getattr(self, own))
            if nested and (isinstance(owner, type) or not hasattr(owner, "set_params")):
                raise ValueError(
                    f"{name}={show(value)} cannot be set, because {own}={show(owner)} "
                    f"has no parameters that can be set. Set {own} itself, to an "
                    f"object that is constructed with {nested}={show(value)}."
                )

    def _suggest_parameter(self, name: str) -> str:
        """Return a sentence that suggests a known name, or an empty string."""
        if name.lower() in SYNONYMS:
            return f" Did you mean {' or '.join(SYNONYMS[name.lower()])}?"
        # The user may have written one underscore instead of two.
        meant = [
            f"{prefix}__{name.removeprefix(f'{prefix}_')}"
            for prefix in PREFIXES
            if name.startswith(f"{prefix}_")
        ]
        return suggest(name, meant or self._get_param_names())

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of the estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the parameters of nested estimators.

        Returns
        -------
        params : dict
            Parameter names mapped to their values, including the parameters of the net
            that have been set.
        """
        params: dict[str, Any] = super().get_params(deep=deep)
        return params | self._net_params

    def set_params(self, **params: Any) -> Self:
        """Set the parameters of the estimator.

        Parameters
        ----------
        **params : dict
            Parameters of the estimator, of a nested estimator, such as
            ``clusterer__n_init``, or of the net, such as ``optimizer__betas``.

        Returns
        -------
        self : ContrastiveAutoencoderClusterer
            The estimator.

        Raises
        ------
        ValueError
            If a parameter does not exist, or is one of an object without parameters,
            such as ``clusterer="kmeans"``. `fit` validates parameters of the net.
        """
        net_params = net_parameters_of(params)
        others = {
            name: value for name, value in params.items() if name not in net_params
        }
        for name in others:
            own, _, _ = name.partition("__")
            if own not in self._get_param_names():
                raise ValueError(
                    f"Invalid parameter {own!r} for estimator {type(self).__name__}."
                    f"{self._suggest_parameter(own)} get_params() returns all valid "
                    "parameters."
                )
        self._check_nested(others)
        super().set_params(**others)
        self.__dict__.update(net_params)
        return self
