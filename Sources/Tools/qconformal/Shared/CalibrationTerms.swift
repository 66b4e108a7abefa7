import Calibration
import FilterKit
import Groundwork
import MethodKit

/// What every file of a calibration tells beside what was learnt.
struct CalibrationTerms {
  /// The column of weights that rows need.
  let weight: String?
  /// Columns that tell a row's key.
  let by: [String]
  let bounds: AnswerBounds

  func encode(into writer: inout ByteWriter) {
    writer.write([weight].compactMap { $0 })
    writer.write(by)
    writer.write(bounds.low)
    writer.write(bounds.high)
  }

  /// Throws `ByteReader.damaged` for anything that `encode` cannot have written.
  init(decoding reader: inout ByteReader) throws {
    let weight = try reader.readStrings()
    self.weight = weight.first
    by = try reader.readStrings()
    var bounds = AnswerBounds()
    bounds.low = try reader.readDouble()
    bounds.high = try reader.readDouble()
    self.bounds = bounds
    guard bounds.low < bounds.high, weight.count < 2, Set(by).count == by.count else { throw ByteReader.damaged }
  }

  init(weight: String?, by: [String], bounds: AnswerBounds) {
    self.weight = weight
    self.by = by
    self.bounds = bounds
  }
}

extension MethodSpecification {
  func encode(into writer: inout ByteWriter) {
    writer.write(method)
    writer.write(settings.map(\.key))
    writer.write(settings.map(\.value))
  }
}

extension ByteReader {
  /// Reads a specification and makes its calibrator. `unknown` says what is wrong with a method that is in no registry.
  mutating func readCalibrator(unknown: (_ method: String) -> Failure) throws -> (specification: MethodSpecification, calibrator: any Calibrator) {
    let method = try readString()
    guard let type = calibratorRegistry.first(where: { $0.description.name == method }) else { throw unknown(method) }
    let (keys, values) = (try readStrings(), try readStrings())
    guard keys.count == values.count, let settings = try? Settings(zip(keys, values).map { (key: $0, value: $1) }, of: type.description) else {
      throw ByteReader.damaged
    }
    return (MethodSpecification(name: method, method: method, settings: settings.written), type.init(settings: settings))
  }
}
