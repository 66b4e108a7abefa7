import Calibration
import FilterKit
import Groundwork
import Methods
import Quantiles
import Tables

/// A calibration as a model file keeps it: one fitted calibrator a quantile group.
struct SavedCalibration {
  let specification: MethodSpecification
  let columns: [String]
  let fitted: [any FittedCalibrator]
  private let names: [String]

  init(specification: MethodSpecification, groups: [QuantileGroup], fitted: [any FittedCalibrator]) {
    self.specification = specification
    self.fitted = fitted
    names = groups.map(\.name)
    columns = []
  }

  init(path: String) throws {
    let file = try ModelFile(path: path, tool: "qconformal")
    columns = file.header.columns
    var reader = ByteReader(file.body)
    do {
      let method = try reader.readString()
      guard let type = calibratorRegistry.first(where: { $0.description.name == method }) else {
        throw Failure(.badData, "the model calibrates by \"\(method)\", which this qconformal does not know", remedy: "update qconformal")
      }
      names = try reader.readStrings()
      fitted = try names.map { _ in try type.decode(&reader) }
      guard reader.isAtEnd, !names.isEmpty else { throw ByteReader.damaged }
      specification = MethodSpecification(name: method, method: method)
    } catch var failure as Failure {
      failure.place.input = path
      throw failure
    }
  }

  func model(header: Header, target: String, rows: Int) -> ModelFile {
    var writer = ByteWriter()
    writer.write(specification.method)
    writer.write(names)
    for calibrator in fitted { calibrator.encode(into: &writer) }
    var training = ["rows": "\(rows)"]
    for (name, calibrator) in zip(names, fitted) {
      training[name.isEmpty ? "q" : name] = calibrator.summary.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
    return ModelFile(
      tool: "qconformal", settings: [specification.text], target: target, inputs: names, levels: Levels.union(fitted.map(\.levels)),
      training: training, columns: header.names, body: writer.bytes)
  }

  /// The groups of this table that the model calibrates, at the levels it knows.
  func groups(_ header: Header, _ session: FilterSession) throws -> [QuantileGroup] {
    let all = try header.quantileGroups(input: session.inputName)
    return try zip(names, fitted).map { name, calibrator in
      guard let group = all.first(where: { $0.name == name }) else {
        throw session.failure(
          name.isEmpty ? "there are no quantile columns without a model name, which the model file calibrates" : "there are no quantile columns of model \"\(name)\", which the model file calibrates",
          remedy: all.isEmpty ? nil : suggestion(for: name, among: all.map(\.name)))
      }
      let wanted = calibrator.levels.map(Levels.key)
      let found = group.levels.map(Levels.key)
      guard wanted == found else {
        let odd = Set(wanted).symmetricDifference(found).min()!
        throw session.failure(
          "level \(levelText(Double(odd) / 1e9)) of \(group.title) is \(found.contains(odd) ? "in the table and not in the model file" : "in the model file and not in the table")",
          remedy: "calibrate the levels that are predicted")
      }
      return group
    }
  }
}
