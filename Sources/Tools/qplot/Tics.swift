import Glibc
import Tables

/// Places of an axis that have labels: as many as there is room for, each label with the digits that tell it from the next.
struct Tics {
  struct Tic: Equatable {
    let place: Double
    let label: String
  }

  private(set) var tics: [Tic] = []
  /// What all labels leave out, such as the year: for the label of the axis.
  private(set) var common: String?

  /// `fits` tells whether labels at these places stand beside each other.
  init(_ axis: Axis, fits: ([Tic]) -> Bool) {
    switch axis.kind {
    case .names(let names): tics = names.enumerated().map { Tic(place: Double($0 + 1), label: $1) }
    case .number: tics = Tics.numbers(axis.range, isWhole: false, fits)
    case .whole: tics = Tics.numbers(axis.range, isWhole: true, fits)
    case .time, .date: (tics, common) = TimeTics.tics(axis.range, isDate: axis.kind == .date, fits)
    }
  }

  /// Multiples of the finest step of 1, 2 or 5 times a power of ten whose labels fit.
  private static func numbers(_ range: ClosedRange<Double>, isWhole: Bool, _ fits: ([Tic]) -> Bool) -> [Tic] {
    let largest = max(abs(range.lowerBound), abs(range.upperBound))
    let finest = Int(log10(range.upperBound - range.lowerBound).rounded(.down)) - 2
    var coarsest: [Tic] = []
    for exponent in max(finest, isWhole ? 0 : -323)...(finest + 4) {
      for factor in [1, 2, 5] {
        // The digits of a double end before.
        guard let unit = Double("\(factor)e\(exponent)"), unit > 0, largest / unit < 1e15 else { continue }
        let numbers = stride(from: (range.lowerBound / unit).rounded(.up), through: (range.upperBound / unit).rounded(.down), by: 1)
        guard (range.upperBound - range.lowerBound) / unit < 200 else { continue }
        let tics = numbers.map { k -> Tic in
          let digits = Int(k) * factor
          return Tic(place: Double("\(digits)e\(exponent)") ?? k * unit, label: text(digits, exponent, largest: largest))
        }
        if tics.isEmpty { return coarsest }
        coarsest = tics
        if fits(tics) { return tics }
      }
    }
    return coarsest
  }

  /// digits × 10^exponent as a label on an axis that reaches to `largest`: with a power of ten only where numbers are very large or small.
  static func text(_ digits: Int, _ exponent: Int, largest: Double) -> String {
    if digits == 0 { return "0" }
    let sign = digits < 0 ? "-" : ""
    var figures = String(abs(digits))
    if largest >= 1e9 || largest < 1e-4 {
      let power = exponent + figures.count - 1
      while figures.hasSuffix("0") { figures.removeLast() }
      let fraction = figures.dropFirst()
      return sign + figures.prefix(1) + (fraction.isEmpty ? "" : ".\(fraction)") + "e\(power)"
    }
    if exponent >= 0 { return sign + figures + String(repeating: "0", count: exponent) }
    figures = String(repeating: "0", count: max(0, 1 - exponent - figures.count)) + figures
    return sign + figures.dropLast(-exponent) + "." + figures.suffix(-exponent)
  }
}

/// A number to four significant digits, as a label tells it.
func significant(_ value: Double) -> String {
  guard value != 0, value.isFinite else { return shortestText(value) }
  // As text, so that dividing by a power of ten adds no error of its own.
  var buffer = [CChar](repeating: 0, count: 32)
  withVaList([value]) { _ = vsnprintf(&buffer, buffer.count, "%.3e", $0) }
  let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  let parts = text.split(separator: "e")
  var digits = Int(parts[0].filter { $0 != "." }) ?? 0
  var exponent = (Int(parts[1]) ?? 0) - 3
  while digits % 10 == 0 { (digits, exponent) = (digits / 10, exponent + 1) }
  return Tics.text(digits, exponent, largest: abs(value))
}
