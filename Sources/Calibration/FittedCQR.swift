import Groundwork
import Quantiles

/// Corrections learnt by `ConformalizedQuantileRegression`.
struct FittedCQR: FittedCalibrator {
  let levels: [Double]
  private let pairs: [LevelPairs.Pair]
  private let outward: OutwardOrder
  /// For each pair, by how much its ends move outwards: a number or +∞.
  let shifts: [Double]
  /// For each pair, the rows it was learnt from.
  let rows: [Int]

  init(levels: [Double], corrections: [Double], rows: [Int]) {
    self.init(levels: levels, pairs: LevelPairs(levels).pairs, outward: OutwardOrder(levels: levels), shifts: corrections, rows: rows)
  }

  private init(levels: [Double], pairs: [LevelPairs.Pair], outward: OutwardOrder, shifts: [Double], rows: [Int]) {
    self.levels = levels
    self.pairs = pairs
    self.outward = outward
    self.shifts = shifts
    self.rows = rows
  }

  /// The same levels with other corrections.
  func replacing(corrections: [Double], rows: [Int]) -> FittedCQR {
    FittedCQR(levels: levels, pairs: pairs, outward: outward, shifts: corrections, rows: rows)
  }

  func calibrate(_ row: UnsafeMutableBufferPointer<Double>) {
    precondition(row.count == levels.count)
    for (k, pair) in pairs.enumerated() {
      let shift = shifts[k]
      if shift == .infinity {
        if !row[pair.lower].isNaN { row[pair.lower] = -.infinity }
        if !row[pair.upper].isNaN { row[pair.upper] = .infinity }
      } else {
        row[pair.lower] -= shift
        row[pair.upper] += shift
      }
    }
    outward.apply(to: row)
  }

  var corrections: [PairCorrection] {
    pairs.indices.map { k in
      PairCorrection(
        lowerLevel: levels[pairs[k].lower], upperLevel: levels[pairs[k].upper], correction: shifts[k], rows: rows[k],
        rowsNeeded: ConformalRank.minimumRows(lowerKey: pairs[k].lowerKey))
    }
  }

  var summary: [(key: String, value: String)] {
    [("intervals", "\(pairs.count)"), ("rows", "\(rows.max() ?? 0)"), ("unbounded", "\(shifts.count { $0 == .infinity })")]
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(levels)
    writer.write(shifts)
    writer.write(rows)
  }

  /// Throws `ByteReader.damaged` for anything that `encode` cannot have written.
  init(decoding reader: inout ByteReader) throws {
    let levels = try reader.readArray(of: Double.self)
    let shifts = try reader.readArray(of: Double.self)
    let rows = try reader.readArray(of: Int.self)
    guard levels.allSatisfy({ $0 > 0 && $0 < 1 }) else { throw ByteReader.damaged }
    let keys = levels.map(Levels.key)
    guard let first = keys.first, let last = keys.last, first > 0, last < Levels.key(1), zip(keys, keys.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw ByteReader.damaged
    }
    self.init(levels: levels, corrections: shifts, rows: rows)
    guard shifts.count == pairs.count, rows.count == pairs.count, shifts.allSatisfy({ $0 > -.infinity }), rows.allSatisfy({ $0 >= 0 }) else {
      throw ByteReader.damaged
    }
  }
}
