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
    /// Whether a file's name tells the model of its rows.
    var filesNameModels = false
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

  /// The hubverse: model output of a forecast hub. Only rows whose output type is quantile hold quantiles. `type` and `quantile` are the
  /// names of the COVID-19 forecast hubs.
  static let hub = LongShape(
    name: "hub", summary: "a row a quantile: model_id, output_type, output_type_id, value", model: ["model_id"],
    outputType: ["output_type", "type"], level: ["output_type_id", "quantile"], value: ["value"], target: [])

  /// R's scoringutils; the names of its versions before 2 are read too.
  static let scoringUtils = LongShape(
    name: "scoringutils", summary: "a row a quantile: observed, model, quantile_level, predicted", model: ["model"], outputType: [],
    level: ["quantile_level", "quantile"], value: ["predicted", "prediction"], target: ["observed", "true_value"])

  /// The model of a file of a hub's folder, `model-output/MODEL/ROUND-MODEL.csv`, where ROUND is a date or the folder tells the model's
  /// name; nil for other files.
  ///
  /// Source: the hubverse's documentation, "Model output", file formats and naming.
  static func model(ofFile path: String) -> String? {
    let parts = path.split(separator: "/")
    guard var stem = parts.last else { return nil }
    if stem.hasSuffix(".gz") { stem = stem.dropLast(3) }
    if let dot = stem.lastIndex(of: ".") { stem = stem[..<dot] }
    let date = stem.utf8.prefix(11)
    if date.count == 11, stem.utf8.count > 11, zip(date, "0000-00-00-".utf8).allSatisfy({ $1 == 0x2D ? $0 == 0x2D : (0x30...0x39).contains($0) }) {
      return String(stem.dropFirst(11))
    }
    guard parts.count > 1, stem.hasSuffix("-" + parts[parts.count - 2]) else { return nil }
    return String(parts[parts.count - 2])
  }

  /// Where this format's columns are; nil where the header is not of it. `files` are those that are read.
  func columns(of header: Header, files: [String]) -> Columns? {
    func find(_ names: [String]) -> Int? { names.lazy.compactMap { header.index(of: $0) }.first }
    guard let level = find(level), let value = find(value) else { return nil }
    let type = find(outputType)
    if type == nil, !outputType.isEmpty { return nil }
    let model = find(model)
    let filesNameModels = model == nil && !outputType.isEmpty && files.contains { LongShape.model(ofFile: $0) != nil }
    return Columns(model: model, outputType: type, level: level, value: value, target: find(target), filesNameModels: filesNameModels)
  }
}
