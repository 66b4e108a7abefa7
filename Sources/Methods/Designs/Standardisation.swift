import Groundwork
import Quantiles

/// A shift and a scale for each column of a design: x ↦ (x − centre) · scale.
public struct Standardisation: BinaryCodable, Equatable, Sendable {
  public let centres: [Double]
  public let scales: [Double]

  /// Shifts and scales that never round: columns end up at most 4 in size, scaled by a power of two, and centred at their median where all
  /// their values are within a factor of two of it (years, times, prices of one kind), so that a difference is exact (Sterbenz's lemma).
  /// Elsewhere the centre is 0. Cost O(values).
  public init(exactlyScaling rows: [Double], columns: Int) {
    let n = columns == 0 ? 0 : rows.count / columns
    var centres = [Double](repeating: 0, count: columns)
    var scales = [Double](repeating: 1, count: columns)
    var lowest = [Double](repeating: .infinity, count: columns)
    var highest = [Double](repeating: -.infinity, count: columns)
    rows.withUnsafeBufferPointer { rows in
      for i in 0..<n {
        for c in 0..<columns {
          let x = rows[i * columns + c]
          lowest[c] = x < lowest[c] ? x : lowest[c]
          highest[c] = x > highest[c] ? x : highest[c]
        }
      }
    }
    for c in 0..<columns where n > 0 {
      var largest = max(abs(lowest[c]), abs(highest[c]))
      if let centre = Standardisation.exactCentre(lowest: lowest[c], highest: highest[c], values: { (0..<n).map { rows[$0 * columns + c] } }) {
        centres[c] = centre
        largest = max(highest[c] - centre, centre - lowest[c])
      }
      scales[c] = largest > 0 ? PowerOfTwo.inverse(of: largest) : 1
    }
    self.centres = centres
    self.scales = scales
  }

  /// The median where every difference to it is exact, else nil.
  package static func exactCentre(lowest: Double, highest: Double, values: () -> [Double]) -> Double? {
    guard lowest * highest > 0, min(abs(lowest), abs(highest)) * 4 >= max(abs(lowest), abs(highest)), lowest < highest else { return nil }
    let median = lowerMedian(values())
    return min(abs(lowest), abs(highest)) * 2 >= abs(median) && max(abs(lowest), abs(highest)) <= 2 * abs(median) ? median : nil
  }

  /// Standardises n rows in place.
  public func apply(to rows: inout [Double]) {
    let p = centres.count
    guard p > 0 else { return }
    rows.withUnsafeMutableBufferPointer { rows in
      centres.withUnsafeBufferPointer { centres in
        scales.withUnsafeBufferPointer { scales in
          for first in stride(from: 0, to: rows.count, by: p) {
            // Scaled before the difference, which then cannot overflow.
            for c in 0..<p { rows[first + c] = rows[first + c] * scales[c] - centres[c] * scales[c] }
          }
        }
      }
    }
  }

  /// The same with only some of the columns.
  package func keeping(_ kept: [Int]) -> Standardisation {
    Standardisation(centres: kept.map { centres[$0] }, scales: kept.map { scales[$0] })
  }

  package init(centres: [Double], scales: [Double]) {
    self.centres = centres
    self.scales = scales
  }

  // MARK: Model file

  public func encode(into writer: inout ByteWriter) {
    writer.write(centres)
    writer.write(scales)
  }

  public init(decoding reader: inout ByteReader) throws {
    centres = try reader.readArray(of: Double.self)
    scales = try reader.readArray(of: Double.self)
    guard centres.count == scales.count, centres.allSatisfy(\.isFinite), scales.allSatisfy({ $0.isFinite && $0 > 0 }) else {
      throw ByteReader.damaged
    }
  }
}
