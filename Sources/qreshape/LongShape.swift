import Tables

/// A format with a row for each level of each model.
struct LongShape {
  /// Columns of a header that have a role.
  struct Columns {
    var model: Int?
    var outputType: Int?
    var level: Int
    var value: Int
    /// The target, which does not tell units apart.
    var target: Int?
    var owned: [Int] { [model, outputType, level, value].compactMap { $0 } }
  }

  let name: String
  let summary: String
  /// Names as they are written, the first, and as they are read.
  let model: [String]
  let outputType: [String]
  let level: [String]
  let value: [String]
  let target: [String]

  /// The hubverse: model output of a forecast hub. Only rows whose output type is quantile hold quantiles.
  static let hub = LongShape(
    name: "hub", summary: "a row a quantile: model_id, output_type, output_type_id, value", model: ["model_id"], outputType: ["output_type"],
    level: ["output_type_id"], value: ["value"], target: [])

  /// R's scoringutils; the names of its versions before 2 are read too.
  static let scoringUtils = LongShape(
    name: "scoringutils", summary: "a row a quantile: observed, model, quantile_level, predicted", model: ["model"], outputType: [],
    level: ["quantile_level", "quantile"], value: ["predicted", "prediction"], target: ["observed", "true_value"])

  /// Where this format's columns are; nil where the header is not of it.
  func columns(of header: Header) -> Columns? {
    func find(_ names: [String]) -> Int? { names.lazy.compactMap { header.index(of: $0) }.first }
    guard let level = find(level), let value = find(value) else { return nil }
    let type = find(outputType)
    if type == nil, !outputType.isEmpty { return nil }
    return Columns(model: find(model), outputType: type, level: level, value: value, target: find(target))
  }
}
