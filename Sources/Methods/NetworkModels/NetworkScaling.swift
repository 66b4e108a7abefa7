import Designs
import Glibc
import Groundwork
import MethodKit

/// Features as a network's inputs: `DesignEncoding` with rare categories joined, then each column centred at its median, scaled by
/// its spread and bent, x ↦ z / √(1 + (z/3)²), so that far values stay within ±3 (Holzmüller, Grinsztajn, Steinwart 2024, "Better
/// by default", NeurIPS). Columns of zeros and ones are centred and scaled only.
package struct NetworkInputs: BinaryCodable, Sendable {
  /// More categories of a feature than this share one column: an input each would cost more than it teaches.
  static let largestCategoryCount = 64

  /// The categories that keep a column, by feature; nil for numbers.
  private let kept: [[FieldText]?]
  private let encoding: DesignEncoding
  private let standardisation: Standardisation
  private let bent: [Bool]

  package var count: Int { encoding.count }

  package init(learning features: FeatureTable) {
    kept = features.columns.map { column in
      guard case .categorical(let codes, let categories) = column else { return nil }
      var occurrences = [Int](repeating: 0, count: categories.count)
      for code in codes where code >= 0 && Int(code) < categories.count { occurrences[Int(code)] += 1 }
      let present = categories.indices.filter { occurrences[$0] > 0 }
      if present.count <= NetworkInputs.largestCategoryCount { return present.map { categories[$0] } }
      let common = present.filter { occurrences[$0] >= leastCategoryRows }.sorted { (-occurrences[$0], $0) < (-occurrences[$1], $1) }.prefix(
        NetworkInputs.largestCategoryCount)
      return common.sorted().map { categories[$0] }
    }
    let joined = NetworkInputs.joined(features, keeping: kept)
    let encoding = DesignEncoding(learning: joined)
    var rows = [Double](repeating: 0, count: features.rows * encoding.count)
    encoding.encode(joined, into: &rows, stride: encoding.count, offset: 0)
    var centres: [Double] = []
    var scales: [Double] = []
    var bent: [Bool] = []
    for c in 0..<encoding.count {
      let column = (0..<features.rows).map { rows[$0 * encoding.count + c] }
      let (centre, scale) = robustScale(column)
      centres.append(centre)
      scales.append(scale)
      bent.append(!column.allSatisfy { $0 == 0 || $0 == 1 })
    }
    self.encoding = encoding
    standardisation = Standardisation(centres: centres, scales: scales)
    self.bent = bent
  }

  /// Common categories under their names and all others, but the missing, under one that no category has.
  private static func joined(_ features: FeatureTable, keeping kept: [[FieldText]?]) -> FeatureTable {
    let columns = features.columns.enumerated().map { index, column -> FeatureTable.Column in
      guard case .categorical(let codes, let categories) = column, index < kept.count, let names = kept[index] else { return column }
      var place: [FieldText: Int32] = [:]
      for (i, name) in names.enumerated() where place[name] == nil { place[name] = Int32(i) }
      let other = Int32(names.count)
      let map = categories.map { place[$0] ?? other }
      return .categorical(codes: codes.map { $0 >= 0 && Int($0) < map.count ? map[Int($0)] : -1 }, categories: names + ["\u{0}other"])
    }
    return FeatureTable(names: features.names, columns: columns, rows: features.rows)
  }

  /// Row-major, `count` inputs a row, all finite.
  package func callAsFunction(_ features: FeatureTable) -> [Float] {
    let p = count
    var rows = [Double](repeating: 0, count: features.rows * p)
    let table = NetworkInputs.joined(features, keeping: kept)
    encoding.encode(table, into: &rows, stride: p, offset: 0)
    standardisation.apply(to: &rows)
    return rows.indices.map { i in
      // A difference of huge numbers may have overflowed; what is far off is at the bend's end either way.
      let z = max(-1e100, min(1e100, rows[i].isNaN ? 0 : rows[i]))
      return Float(bent[i % p] ? z / (1 + (z / 3) * (z / 3)).squareRoot() : max(-1e3, min(1e3, z)))
    }
  }

  /// Whether it could have been learnt from such features.
  package func fits(_ features: FeatureTable) -> Bool {
    guard kept.count == features.columns.count else { return false }
    for (names, column) in zip(kept, features.columns) {
      switch (names, column) {
      case (nil, .numeric): continue
      case (let names?, .categorical(_, let categories)): if !Set(names).isSubset(of: categories) { return false }
      default: return false
      }
    }
    return encoding.fits(NetworkInputs.joined(features, keeping: kept))
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(kept.count)
    for names in kept {
      writer.write(names != nil)
      if let names { writer.write(names) }
    }
    encoding.encode(into: &writer)
    standardisation.encode(into: &writer)
    writer.write(bent.map { UInt8($0 ? 1 : 0) })
  }

  package init(decoding reader: inout ByteReader) throws {
    let features = try reader.readInt()
    guard features >= 0 else { throw ByteReader.damaged }
    var kept: [[FieldText]?] = []
    for _ in 0..<features { kept.append(try reader.readBool() ? try reader.readFieldTexts() : nil) }
    self.kept = kept
    encoding = try DesignEncoding(decoding: &reader)
    standardisation = try Standardisation(decoding: &reader)
    bent = try reader.readArray(of: UInt8.self).map { $0 != 0 }
    guard standardisation.centres.count == encoding.count, bent.count == encoding.count else { throw ByteReader.damaged }
  }
}

/// The median and the inverse of a spread: the interquartile range as a normal distribution's standard deviation, or the standard deviation where
/// more than half of the values are the same. Sound for numbers of any size; the inverse is 1 where nothing varies.
private func robustScale(_ values: [Double]) -> (centre: Double, scale: Double) {
  guard let largest = values.map(abs).max(), largest > 0 else { return (0, 1) }
  let unit = 1 / PowerOfTwo.inverse(of: largest)
  let sorted = values.map { $0 / unit }.sorted()
  let n = sorted.count
  let centre = sorted[(n - 1) / 2]
  var spread = (sorted[(3 * (n - 1)) / 4] - sorted[(n - 1) / 4]) / 1.349
  let mean = sorted.reduce(0, +) / Double(n)
  let deviation = (sorted.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n)).squareRoot()
  // A narrow middle beside wide tails would send most of the tails to the bend.
  if spread < 0.1 * deviation { spread = deviation }
  guard spread > 0 else { return (centre * unit, 1 / unit) }
  let scale = 1 / spread / unit
  return (centre * unit, scale.isFinite && scale > 0 ? scale : 1 / unit)
}

/// The target in units of its standard deviation: y = (centre + spread · z) · unit, unit a power of two.
struct NetworkTarget: BinaryCodable, Sendable {
  let centre: Double
  let spread: Double
  /// Binary exponent of the unit.
  let exponent: Int

  init(_ target: [Double], weights: [Double]?) {
    let largest = target.map(abs).max() ?? 0
    exponent = PowerOfTwo.exponent(of: largest)
    var total = 0.0
    var mean = 0.0
    var squares = 0.0
    for (i, y) in target.enumerated() {
      let w = weights?[i] ?? 1
      let value = scalbn(y, Int32(-exponent))
      total += w
      let step = value - mean
      mean += step * (w / total)
      squares += w * step * (value - mean)
    }
    let constant = target.allSatisfy { $0 == target[0] }
    centre = constant ? scalbn(target.first ?? 0, Int32(-exponent)) : mean
    spread = constant ? 0 : (squares / total).squareRoot()
  }

  /// True where there is nothing to learn.
  var isConstant: Bool { !(spread > 0) }

  func standardised(_ target: [Double]) -> [Float] {
    target.map { Float(max(-1e6, min(1e6, (scalbn($0, Int32(-exponent)) - centre) / spread))) }
  }

  /// Back in the target's units, finite whatever z is.
  func restored(_ z: Double) -> Double {
    let y = scalbn(centre + spread * (z.isNaN ? 0 : max(-1e30, min(1e30, z))), Int32(exponent))
    return max(-.greatestFiniteMagnitude, min(.greatestFiniteMagnitude, y))
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(centre)
    writer.write(spread)
    writer.write(exponent)
  }

  init(decoding reader: inout ByteReader) throws {
    centre = try reader.readDouble()
    spread = try reader.readDouble()
    exponent = try reader.readInt()
    guard centre.isFinite, spread.isFinite, spread >= 0, (-1100...1100).contains(exponent) else { throw ByteReader.damaged }
  }
}
