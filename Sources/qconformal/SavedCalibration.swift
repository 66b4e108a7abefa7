import Calibration
import FilterKit
import Groundwork
import Methods
import Quantiles
import Tables

/// A calibration as a model file keeps it: for each quantile group one fitted calibrator for all rows, and one for each part.
struct SavedCalibration {
  let specification: MethodSpecification
  let columns: [String]
  /// The column of weights that rows to be answered need.
  let weight: String?
  /// Columns that tell a row's part.
  let by: [String]
  let bounds: AnswerBounds
  let groups: [Group]

  struct Group {
    let name: String
    /// Levels that the answer has beside those of the table.
    let madeLevels: [Double]
    let whole: any FittedCalibrator
    let parts: [String: any FittedCalibrator]
  }

  init(specification: MethodSpecification, weight: String?, by: [String], bounds: AnswerBounds, groups: [WorkingGroup], calibrations: [PartedCalibration]) {
    self.specification = specification
    self.weight = weight
    self.by = by
    self.bounds = bounds
    self.groups = zip(groups, calibrations).map { group, calibration in
      Group(name: group.name, madeLevels: group.madeLevels, whole: calibration.whole.full, parts: calibration.parts.mapValues(\.full))
    }
    columns = []
  }

  init(_ file: ModelFile, path: String) throws {
    columns = file.header.columns
    var reader = ByteReader(file.body)
    do {
      let method = try reader.readString()
      guard let type = calibratorRegistry.first(where: { $0.description.name == method }) else {
        throw Failure(.badData, "the model calibrates by \"\(method)\", which this qconformal does not know", remedy: "update qconformal")
      }
      let keys = try reader.readStrings()
      let values = try reader.readStrings()
      guard keys.count == values.count, let settings = try? Settings(Array(zip(keys, values)).map { (key: $0, value: $1) }, of: type.description) else { throw ByteReader.damaged }
      let calibrator = type.init(settings: settings)
      specification = MethodSpecification(name: method, method: method, settings: settings.written)
      let weight = try reader.readStrings()
      self.weight = weight.first
      by = try reader.readStrings()
      var bounds = AnswerBounds()
      bounds.low = try reader.readDouble()
      bounds.high = try reader.readDouble()
      self.bounds = bounds
      let names = try reader.readStrings()
      groups = try names.map { name in
        let madeLevels = try reader.readArray(of: Double.self)
        let whole = try calibrator.decode(&reader)
        let keys = try reader.readStrings()
        let parts = try keys.map { ($0, try calibrator.decode(&reader)) }
        guard Set(keys).count == keys.count, parts.allSatisfy({ $0.1.levels == whole.levels }), Set(madeLevels).isSubset(of: whole.levels) else { throw ByteReader.damaged }
        return Group(name: name, madeLevels: madeLevels, whole: whole, parts: Dictionary(uniqueKeysWithValues: parts))
      }
      guard reader.isAtEnd, !names.isEmpty, Set(names).count == names.count, bounds.low < bounds.high, weight.count < 2, Set(by).count == by.count else {
        throw ByteReader.damaged
      }
    } catch var failure as Failure {
      failure.place.input = path
      throw failure
    }
  }

  func model(header: Header, target: String, rows: Int) -> ModelFile {
    var writer = ByteWriter()
    writer.write(specification.method)
    writer.write(specification.settings.map(\.key))
    writer.write(specification.settings.map(\.value))
    writer.write([weight].compactMap { $0 })
    writer.write(by)
    writer.write(bounds.low)
    writer.write(bounds.high)
    writer.write(groups.map(\.name))
    var training = ["rows": "\(rows)"]
    for group in groups {
      writer.write(group.madeLevels)
      group.whole.encode(into: &writer)
      let parts = group.parts.sorted { $0.key < $1.key }
      writer.write(parts.map(\.key))
      for part in parts { part.value.encode(into: &writer) }
      training[group.name.isEmpty ? "q" : group.name] = group.whole.summary.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
    return ModelFile(
      tool: "qconformal", settings: [specification.text], target: target, inputs: groups.map(\.name) + by + [weight].compactMap { $0 },
      levels: Levels.union(groups.map(\.whole.levels)), training: training, columns: header.names, body: writer.bytes)
  }

  /// The groups of this table that the model calibrates, at the levels it knows.
  func groups(_ header: Header, _ session: FilterSession) throws -> [WorkingGroup] {
    try Self.workingGroups(groups.map { ($0.name, $0.whole.levels, $0.madeLevels) }, header, session)
  }

  /// The groups of this table with these names and levels.
  static func workingGroups(_ wanted: [(name: String, levels: [Double], madeLevels: [Double])], _ header: Header, _ session: FilterSession) throws -> [WorkingGroup] {
    let all = try header.quantileGroups(input: session.inputName)
    return try wanted.map { saved in
      guard let group = all.first(where: { $0.name == saved.name }) else {
        throw session.failure(
          saved.name.isEmpty ? "there are no quantile columns without a model name, which the model file calibrates" : "there are no quantile columns of model \"\(saved.name)\", which the model file calibrates",
          remedy: all.isEmpty ? nil : suggestion(for: saved.name, among: all.map(\.name)))
      }
      let made = saved.madeLevels.map(Levels.key)
      let wanted = saved.levels.map(Levels.key).filter { !made.contains($0) }
      let found = group.levels.map(Levels.key)
      guard wanted == found else {
        let odd = Set(wanted).symmetricDifference(found).min()!
        throw session.failure(
          "level \(levelText(Double(odd) / 1e9)) of \(group.title) is \(found.contains(odd) ? "in the table and not in the model file" : "in the model file and not in the table")",
          remedy: "calibrate the levels that are predicted")
      }
      return WorkingGroup(group, adding: saved.madeLevels)
    }
  }

  /// Picks the calibration of a row by its part.
  func calibration(_ header: Header, _ session: FilterSession) throws -> RowCalibration {
    let groups = groups
    guard !by.isEmpty else { return .streamed { g, _ in groups[g].whole } }
    let columns = try session.columns(header, by)
    return .streamed { g, row in groups[g].parts[PartKey.joined(columns.map { row.text($0) })] ?? groups[g].whole }
  }
}
