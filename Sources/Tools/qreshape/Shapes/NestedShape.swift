import Tables

/// NDJSON with the quantiles of a unit in one value: `"quantiles":{"0.1":3,"0.9":7}`, or levels and values as two arrays; `"model"`
/// names the model.
struct NestedShape {
  let name = "nested"
  let summary = "NDJSON with {\"quantiles\": {\"0.1\": …}}, or arrays of levels and values"

  struct Columns {
    var model: Int?
    /// nil where `values` is an object whose keys are the levels.
    var levels: Int?
    var values: Int
    var owned: [Int] { [model, levels, values].compactMap { $0 } }
  }

  func columns(of header: Header, _ format: TableFormat) -> Columns? {
    guard format == .ndjson else { return nil }
    let model = header.index(of: "model") ?? header.index(of: "model_id")
    if let levels = header.index(of: "quantile_levels") ?? header.index(of: "levels"),
      let values = header.index(of: "values") ?? header.index(of: "quantiles") ?? header.index(of: "predictions")
    {
      return Columns(model: model, levels: levels, values: values)
    }
    return header.index(of: "quantiles").map { Columns(model: model, levels: nil, values: $0) }
  }
}
