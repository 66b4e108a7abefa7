import Calibration
import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

/// A calibration as a model file keeps it: for each quantile group one fitted calibrator for all rows, and one for each part.
struct SavedCalibration {
  let specification: MethodSpecification
  let columns: [String]
  let terms: CalibrationTerms
  let groups: [Group]
  /// The columns of `--given`, where the method uses them.
  let given: FeatureSchema?

  struct Group {
    let name: String
    /// Levels that the answer has beside those of the table.
    let madeLevels: [Double]
    let whole: any FittedCalibrator
    let parts: [String: any FittedCalibrator]

    init(name: String, madeLevels: [Double], whole: any FittedCalibrator, parts: [String: any FittedCalibrator]) {
      self.name = name
      self.madeLevels = madeLevels
      self.whole = whole
      self.parts = parts
    }

    init(_ group: WorkingGroup, _ calibration: PartedCalibration) {
      self.init(name: group.name, madeLevels: group.madeLevels, whole: calibration.whole.full, parts: calibration.parts.mapValues(\.full))
    }
  }

  init(specification: MethodSpecification, terms: CalibrationTerms, groups: [Group], features: FeatureTable? = nil) {
    given = features.map(FeatureSchema.init)
    self.specification = specification
    self.terms = terms
    self.groups = groups
    columns = []
  }

  init(_ file: ModelFile, path: String) throws {
    columns = file.header.columns
    var reader = ByteReader(file.body)
    do {
      let calibrator: any Calibrator
      (specification, calibrator) = try reader.readCalibrator { method in
        method == SavedOnlineState.mark
          ? Failure(.badData, "a state of an online method, not a model of --save", remedy: "give it with --state")
          : Failure(.badData, "the model calibrates by \"\(method)\", which this qconformal does not know", remedy: "update qconformal")
      }
      terms = try CalibrationTerms(decoding: &reader)
      let names = try reader.readStrings()
      groups = try names.map { name in
        let madeLevels = try reader.readArray(of: Double.self)
        let whole = try calibrator.decode(&reader)
        let keys = try reader.readStrings()
        let parts = try keys.map { ($0, try calibrator.decode(&reader)) }
        guard Set(keys).count == keys.count, parts.allSatisfy({ $0.1.levels == whole.levels }), Set(madeLevels).isSubset(of: whole.levels) else {
          throw ByteReader.damaged
        }
        return Group(name: name, madeLevels: madeLevels, whole: whole, parts: Dictionary(uniqueKeysWithValues: parts))
      }
      let given = calibrator.usesFeatures ? try FeatureSchema(decoding: &reader) : nil
      self.given = given
      if let table = given?.noRows {
        let fitted = groups.flatMap { [$0.whole] + $0.parts.map(\.value) }
        guard fitted.allSatisfy({ ($0 as? any FeatureDependentCalibrator)?.fits(table) == true }) else { throw ByteReader.damaged }
      }
      guard reader.isAtEnd, !names.isEmpty, Set(names).count == names.count else { throw ByteReader.damaged }
    } catch var failure as Failure {
      failure.place.input = path
      throw failure
    }
  }

  /// `columns` are those of the table it learnt from.
  func model(columns: [String], target: String, rows: Int) -> ModelFile {
    var writer = ByteWriter()
    specification.encode(into: &writer)
    terms.encode(into: &writer)
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
    given?.encode(into: &writer)
    return ModelFile(
      tool: "qconformal", settings: [specification.text], target: target,
      inputs: groups.map(\.name) + terms.by + (given?.features.map(\.name) ?? []) + [terms.weight].compactMap { $0 },
      levels: Levels.union(groups.map(\.whole.levels)), training: training, columns: columns, body: writer.bytes)
  }

  /// The groups of this table that the model calibrates, at the levels it knows.
  func groups(_ header: Header, _ session: FilterSession) throws -> [WorkingGroup] {
    try Self.workingGroups(groups.map { ($0.name, $0.whole.levels, $0.madeLevels) }, header, session)
  }

  /// The groups of this table with these names and levels.
  static func workingGroups(_ wanted: [(name: String, levels: [Double], madeLevels: [Double])], _ header: Header, _ session: FilterSession) throws
    -> [WorkingGroup]
  {
    let all = try header.quantileGroups(input: session.inputName)
    return try wanted.map { saved in
      guard let group = all.first(where: { $0.name == saved.name }) else {
        throw session.failure(
          saved.name.isEmpty
            ? "there are no quantile columns without a model name, which the model file calibrates"
            : "there are no quantile columns of model \"\(saved.name)\", which the model file calibrates",
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
    let columns = try session.columns(header, terms.by)
    func shared(_ g: Int, _ row: Row) -> any FittedCalibrator {
      columns.isEmpty ? groups[g].whole : groups[g].parts[PartKey.joined(columns.map { row.text($0) })] ?? groups[g].whole
    }
    guard let given else { return .streamed(shared) }
    nonisolated(unsafe) var collector = try FeatureCollector(given, header: header, input: session.inputName)
    let monitor = Monitor()
    return .streamed { g, row in
      let features = try monitor.locked {
        try collector.add(row)
        return collector.take()
      }
      return (shared(g, row) as! any FeatureDependentCalibrator).given(features, row: 0)
    }
  }
}
