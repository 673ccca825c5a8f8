import onnx

from contrastive_clustering._model.onnx_export import export


def test_the_model_is_valid_and_contains_no_annotations(fitted_digits):
    model = fitted_digits._model
    proto = export(model.net, model.scaler, model.clustering)
    onnx.checker.check_model(proto, full_check=True)
    assert [output.name for output in proto.graph.output] == [
        "latents",
        "proba",
        "labels",
    ]
    graph = proto.graph
    for entry in (graph, *graph.node, *graph.input, *graph.initializer):
        assert not entry.doc_string
        assert not entry.metadata_props
    assert b".py" not in proto.SerializeToString()
