import Calibration
import FilterKit
import Groundwork
import MethodKit
import OnlineKit
import Quantiles
import Tables

/// A calibration as a model file keeps it: for each quantile group one fitted calibrator for all rows, and one for each key.
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
    let byKey: [RowKey: any FittedCalibrator]

    init(name: String, madeLevels: [Double], whole: any FittedCalibrator, byKey: [RowKey: any FittedCalibrator]) {
      self.name = name
      self.madeLevels = madeLevels
      self.whole = whole
      self.byKey = byKey
    }

    init(_ group: QuantileColumns, _ calibration: KeyedCalibration) {
      self.init(name: group.name, madeLevels: group.madeLevels, whole: calibration.whole.full, byKey: calibration.byKey.mapValues(\.full))
    }
  }

  init(specification: MethodSpecification, terms: CalibrationTerms, groups: [Group], features: FeatureTable? = nil, dates: [DateColumn] = []) {
    given = features.map { FeatureSchema($0, dates: dates) }
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
        method == OnlineIdentity.mark
          ? Failure(.badData, "a state of an online method, not a model of --save", remedy: "give it with --state")
          : Failure(.badData, "the model calibrates by \"\(method)\", which this qconformal does not know", remedy: "update qconformal")
      }
      let terms = try CalibrationTerms(decoding: &reader)
      self.terms = terms
      let names = try reader.readStrings()
      groups = try names.map { name in
        let madeLevels = try reader.readArray(of: Double.self)
        let whole = try calibrator.decode(&reader)
        let keys = try reader.readRowKeys(columns: terms.by.count)
        let byKey = try keys.map { ($0, try calibrator.decode(&reader)) }
        guard Set(keys).count == keys.count, byKey.allSatisfy({ $0.1.levels == whole.levels }), Set(madeLevels).isSubset(of: whole.levels),
          madeLevels.isEmpty || calibrator.makesIntervals
        else { throw ByteReader.damaged }
        return Group(name: name, madeLevels: madeLevels, whole: whole, byKey: Dictionary(uniqueKeysWithValues: byKey))
      }
      let given = calibrator.usesFeatures ? try FeatureSchema(decoding: &reader) : nil
      self.given = given
      let fitted = groups.flatMap { [$0.whole] + $0.byKey.map(\.value) }
      guard fitted.allSatisfy({ $0.fits(hasWeights: terms.weight != nil, features: given?.noRows) }) else { throw ByteReader.damaged }
      guard reader.isAtEnd, !names.isEmpty, Set(names.map { FieldText($0) }).count == names.count else { throw ByteReader.damaged }
    } catch var failure as Failure {
      failure.place.input = path
      throw failure
    }
  }

  /// `columns` are those of the table it learnt from.
  func model(columns: [String], target: String, rows: Int, order: [String: String] = [:]) -> ModelFile {
    var writer = ByteWriter()
    specification.encode(into: &writer)
    terms.encode(into: &writer)
    writer.write(groups.map(\.name))
    var training = ["rows": "\(rows)"]
    for group in groups {
      writer.write(group.madeLevels)
      group.whole.encode(into: &writer)
      let byKey = group.byKey.sorted { $0.key < $1.key }
      writer.write(byKey.map(\.key))
      for own in byKey { own.value.encode(into: &writer) }
      training[group.name.isEmpty ? "q" : group.name] = group.whole.summary.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
    given?.encode(into: &writer)
    training.merge(order) { own, _ in own }
    return ModelFile(
      tool: "qconformal", settings: [specification.text], target: target,
      inputs: groups.map(\.name) + terms.by + (given?.inputs ?? []) + [terms.weight].compactMap { $0 },
      levels: Levels.union(groups.map(\.whole.levels)), training: training, columns: columns, body: writer.bytes)
  }

  /// Finds by the key that rows have in these columns the calibrators of that key, one a group.
  func lookup(_ columns: [Int]) throws -> KeyLookup<[(any FittedCalibrator)?]> {
    let keys = Set(groups.flatMap { $0.byKey.keys })
    return try KeyLookup(keys.map { key in (key, groups.map { $0.byKey[key] }) }, columns: columns)
  }

  /// The groups of this table that the model calibrates, at the levels it knows.
  func groups(_ header: Header, _ session: FilterSession) throws -> [QuantileColumns] {
    try Self.groups(groups.map { ($0.name, $0.whole.levels, $0.madeLevels) }, header, session)
  }

  /// The groups of this table with these names and levels.
  static func groups(_ wanted: [(name: String, levels: [Double], madeLevels: [Double])], _ header: Header, _ session: FilterSession) throws
    -> [QuantileColumns]
  {
    let all = header.quantileNames(input: session.inputName)
    return try wanted.map { saved in
      guard let group = try all.group(saved.name) else {
        throw session.failure(
          saved.name.isEmpty
            ? "there are no quantile columns without a model name, which the model file calibrates"
            : "there are no quantile columns of model \"\(saved.name)\", which the model file calibrates",
          remedy: all.groups.isEmpty ? nil : suggestion(for: saved.name, among: all.groups.map(\.name)))
      }
      let made = saved.madeLevels.map { Level($0) }
      let wanted = saved.levels.map { Level($0) }.filter { !made.contains($0) }
      let found = group.levels.map { Level($0) }
      guard wanted == found else {
        let odd = Set(wanted).symmetricDifference(found).min()!
        throw session.failure(
          """
          level \(levelText(odd.value)) of \(group.title) is \
          \(found.contains(odd) ? "in the table and not in the model file" : "in the model file and not in the table")
          """,
          remedy: "calibrate the levels that are predicted")
      }
      return QuantileColumns(group, adding: saved.madeLevels)
    }
  }
}
