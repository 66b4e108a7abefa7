import Calibration
import FilterKit
import Groundwork
import Quantiles
import Tables

/// A CV+ calibration as a model file keeps it: for each quantile group the sorted scores of each fold, of all rows and of each key.
struct SavedCopies {
  let specification: MethodSpecification
  /// The copies that a row has.
  let folds: [Int]
  let columns: [String]
  let terms: CalibrationTerms
  let groups: [Group]

  struct Group {
    let name: String
    let whole: any FittedCopyCalibrator
    let byKey: [RowKey: any FittedCopyCalibrator]
  }

  /// Whether a model file keeps this, and not another calibration.
  static func wrote(_ file: ModelFile) -> Bool {
    var reader = ByteReader(file.body)
    guard let method = try? reader.readString() else { return false }
    return calibrationRegistry.ofCopies.contains { $0.description.name == method }
  }

  init(
    specification: MethodSpecification, folds: [Int], terms: CalibrationTerms, groups: [QuantileColumns], _ calibrations: [CopiedCalibration]
  ) {
    self.specification = specification
    self.folds = folds
    self.terms = terms
    self.groups = zip(groups, calibrations).map { Group(name: $0.name, whole: $1.saved.whole, byKey: $1.saved.byKey) }
    columns = []
  }

  init(_ file: ModelFile, path: String) throws {
    columns = file.header.columns
    var reader = ByteReader(file.body)
    do {
      let method = try reader.readString()
      specification = MethodSpecification(name: method, method: method)
      let fitted = calibrationRegistry.ofCopies.first { $0.description.name == method }!.fitted
      let folds = try reader.readArray(of: Int.self)
      let terms = try CalibrationTerms(decoding: &reader)
      self.terms = terms
      let names = try reader.readStrings()
      groups = try names.map { name in
        let whole = try fitted.init(decoding: &reader)
        let keys = try reader.readRowKeys(columns: terms.by.count)
        let byKey = try keys.map { ($0, try fitted.init(decoding: &reader)) }
        let fitted = [whole] + byKey.map(\.1)
        guard Set(keys).count == keys.count,
          fitted.allSatisfy({ $0.levels == whole.levels && $0.folds == folds && $0.fits(hasWeights: terms.weight != nil) })
        else { throw ByteReader.damaged }
        return Group(name: name, whole: whole, byKey: Dictionary(uniqueKeysWithValues: byKey))
      }
      guard reader.isAtEnd, folds.count > 1, !names.isEmpty, Set(names.map { FieldText($0) }).count == names.count else { throw ByteReader.damaged }
      self.folds = folds
    } catch var failure as Failure {
      failure.place.input = path
      throw failure
    }
  }

  func model(header: Header, target: String, rows: Int) -> ModelFile {
    var writer = ByteWriter()
    writer.write(specification.method)
    writer.write(folds)
    terms.encode(into: &writer)
    writer.write(groups.map(\.name))
    var training = ["rows": "\(rows)", "folds": "\(folds.count)"]
    for group in groups {
      group.whole.encode(into: &writer)
      let byKey = group.byKey.sorted { $0.key < $1.key }
      writer.write(byKey.map(\.key))
      for own in byKey { own.value.encode(into: &writer) }
      training[group.name.isEmpty ? "q" : group.name] = group.whole.summary.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
    return ModelFile(
      tool: "qconformal", settings: [specification.text], target: target, inputs: groups.map(\.name) + terms.by + [terms.weight].compactMap { $0 },
      levels: Levels.union(groups.map(\.whole.levels)), training: training, columns: header.names, body: writer.bytes)
  }
}
