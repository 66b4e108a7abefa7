import Glibc
import Groundwork
import MethodKit
import Quantiles

/// How features become the points of a `NeighbourTree`, learnt on training rows.
///
/// A numeric feature is one coordinate: missing values answered by the training median, less its mean, over its standard deviation; and a code
/// that tells whether it was missing, if it ever was in training. A categorical feature is one code, missing a category of its own; a category
/// that training did not see differs from all. A code that differs counts 2 / max(½, chance that two rows differ): two rows drawn at random are
/// then about as far apart by a code as by a number. Features that are constant in training do not count.
struct NeighbourEncoding: BinaryCodable, Sendable {
  struct Number: Sendable {
    var feature: Int
    var median: Double
    /// Values are multiplied by 2^exponent first, so that neither sums nor squares overflow.
    var exponent: Int32
    var mean: Double
    var scale: Double
  }

  struct Code: Sendable {
    var feature: Int
    /// Whether the code is missing or not of a numeric feature; otherwise a category.
    var marksMissing: Bool
    var categories: [FieldText]
    var mismatch: Double
  }

  let featureCount: Int
  let numbers: [Number]
  let codes: [Code]

  var columns: Int { numbers.count + codes.count }
  var mismatch: [Double] { codes.map(\.mismatch) }

  /// Coordinates are held within this, so that their squares add up to numbers.
  private static let limit = 1e100

  init(learning features: FeatureTable) {
    featureCount = features.columns.count
    var numbers: [Number] = []
    var codes: [Code] = []
    func mismatch(_ counts: [Int]) -> Double {
      let n = Double(features.rows)
      return 2 / max(0.5, 1 - counts.reduce(0) { $0 + Double($1) / n * (Double($1) / n) })
    }
    for (index, column) in features.columns.enumerated() {
      switch column {
      case .numeric(let values):
        let present = values.filter { !$0.isNaN }
        guard !present.isEmpty else { continue }
        if present.contains(where: { $0 != present[0] }) {
          let largest = present.reduce(0) { max($0, abs($1)) }
          let exponent = -Int32(largest.exponent)
          let scaled = present.map { scalbn($0, exponent) }
          let mean = scaled.reduce(0, +) / Double(scaled.count)
          let variance = scaled.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(scaled.count)
          if variance > 0 {
            numbers.append(Number(feature: index, median: lowerMedian(present), exponent: exponent, mean: mean, scale: 1 / variance.squareRoot()))
          }
        }
        if present.count < values.count {
          codes.append(Code(feature: index, marksMissing: true, categories: [], mismatch: mismatch([present.count, values.count - present.count])))
        }
      case .categorical(let values, let categories):
        var counts = [Int](repeating: 0, count: categories.count + 1)
        for code in values { counts[code >= 0 && Int(code) < categories.count ? Int(code) : categories.count] += 1 }
        guard counts.contains(where: { $0 > 0 && $0 < features.rows }) else { continue }
        let seen = categories.indices.filter { counts[$0] > 0 }.map { categories[$0] }
        codes.append(Code(feature: index, marksMissing: false, categories: seen, mismatch: mismatch(counts)))
      }
    }
    self.numbers = numbers
    self.codes = codes
  }

  /// rows × columns, row-major: the numbers, then the codes.
  func encode(_ features: FeatureTable) -> [Double] {
    let (n, p) = (features.rows, columns)
    var points = [Double](repeating: 0, count: n * p)
    for (c, number) in numbers.enumerated() {
      // A feature of another kind than in training has no value that was learnt.
      var values: [Double]?
      if number.feature < features.columns.count, case .numeric(let given) = features.columns[number.feature] { values = given }
      for i in 0..<n {
        let x = values?[i] ?? .nan
        let coordinate = (scalbn(x.isNaN ? number.median : x, number.exponent) - number.mean) * number.scale
        points[i * p + c] = max(-NeighbourEncoding.limit, min(NeighbourEncoding.limit, coordinate))
      }
    }
    for (k, code) in codes.enumerated() {
      let c = numbers.count + k
      let column = code.feature < features.columns.count ? features.columns[code.feature] : nil
      switch (column, code.marksMissing) {
      case (.numeric(let values), true):
        for i in 0..<n { points[i * p + c] = values[i].isNaN ? 1 : 0 }
      case (.categorical(let values, let categories), false):
        let places = Dictionary(code.categories.enumerated().map { ($1, Double($0)) }, uniquingKeysWith: { first, _ in first })
        let unseen = -2.0
        let translated = categories.map { places[$0] ?? unseen }
        for i in 0..<n {
          let v = Int(values[i])
          points[i * p + c] = v < 0 ? -1 : v < translated.count ? translated[v] : unseen
        }
      default:
        for i in 0..<n { points[i * p + c] = -2 }
      }
    }
    return points
  }

  /// Whether it could have been learnt from such features.
  func fits(_ features: FeatureTable) -> Bool {
    guard featureCount == features.columns.count else { return false }
    func isNumber(_ feature: Int) -> Bool { if case .numeric = features.columns[feature] { true } else { false } }
    return numbers.allSatisfy { isNumber($0.feature) }
      && codes.allSatisfy { code in
        guard case .categorical(_, let categories) = features.columns[code.feature] else { return code.marksMissing }
        return !code.marksMissing && Set(code.categories).isSubset(of: categories)
      }
  }

  // MARK: Model file

  func encode(into writer: inout ByteWriter) {
    writer.write(featureCount)
    writer.write(numbers.map { Int64($0.feature) })
    writer.write(numbers.map(\.median))
    writer.write(numbers.map(\.exponent))
    writer.write(numbers.map(\.mean))
    writer.write(numbers.map(\.scale))
    writer.write(codes.map { Int64($0.feature) })
    writer.write(codes.map(\.mismatch))
    for code in codes {
      writer.write(code.marksMissing)
      writer.write(code.categories)
    }
  }

  init(decoding reader: inout ByteReader) throws {
    featureCount = try reader.readInt()
    let sources = try reader.readArray(of: Int64.self)
    let medians = try reader.readArray(of: Double.self)
    let exponents = try reader.readArray(of: Int32.self)
    let means = try reader.readArray(of: Double.self)
    let scales = try reader.readArray(of: Double.self)
    let codeSources = try reader.readArray(of: Int64.self)
    let mismatches = try reader.readArray(of: Double.self)
    let known = 0..<Int64(max(0, featureCount))
    guard [medians.count, exponents.count, means.count, scales.count].allSatisfy({ $0 == sources.count }),
      mismatches.count == codeSources.count, (sources + codeSources).allSatisfy(known.contains),
      (medians + means).allSatisfy(\.isFinite), exponents.allSatisfy({ abs(Int64($0)) < 2000 }),
      scales.allSatisfy({ $0.isFinite && $0 > 0 }), mismatches.allSatisfy({ (2...4).contains($0) })
    else { throw ByteReader.damaged }
    numbers = sources.indices.map {
      Number(feature: Int(sources[$0]), median: medians[$0], exponent: exponents[$0], mean: means[$0], scale: scales[$0])
    }
    codes = try codeSources.indices.map {
      Code(feature: Int(codeSources[$0]), marksMissing: try reader.readBool(), categories: try reader.readFieldTexts(), mismatch: mismatches[$0])
    }
  }
}
