import Foundation
import Groundwork
import Tables
import Testing

private func read(_ text: String) -> NumberReading { Array(text.utf8).withUnsafeBufferPointer { NumberReader().read($0) } }

@Suite struct NumberTextTests {
  @Test(arguments: [
    ("0", 0.0), ("-0.5", -0.5), ("01", 1), ("1e3", 1000), (" 2.5 ", 2.5), ("+3", 3), ("5.", 5), (".5", 0.5), ("1E-2", 0.01),
    ("9007199254740993", 9007199254740992), ("0.1", 0.1), ("123456789012345678901234567890", 1.2345678901234568e29),
    ("2.2250738585072011e-308", 2.225073858507201e-308), ("4.9e-324", 5e-324), ("1e-400", 0), ("1.7976931348623157e308", .greatestFiniteMagnitude),
  ])
  func decimalsAreRead(_ text: String, _ value: Double) { #expect(read(text) == .number(value)) }

  @Test(arguments: ["", "NA", "NaN", "nan", "null", "  "])
  func missingIsRecognised(_ text: String) { #expect(read(text) == .missing) }

  @Test func unboundedIsRecognised() {
    #expect(read("inf") == .infinite(.infinity))
    #expect(read("-inf") == .infinite(-.infinity))
    #expect(read("1e999") == .overflow)
  }

  @Test(arguments: ["abc", "1,5", "1 2", "--1", "+-1", "1e", "0x10", "1_000", "-", ".", "e5", "١", "1\u{0}", "n/a", "infinit", "nan(1)"])
  func otherTextIsNoNumber(_ text: String) { #expect(read(text) == .notANumber) }

  /// Correct rounding: glibc's strtod is correctly rounded, so both must agree on every decimal.
  @Test func readingRoundsExactly() {
    var random = RandomStream(seed: 5)
    for _ in 0..<200_000 {
      var text = random.below(2) == 0 ? "-" : ""
      for _ in 0...random.below(20) { text += String(random.below(10)) }
      if random.below(4) > 0 {
        text += "."
        for _ in 0...random.below(20) { text += String(random.below(10)) }
      }
      if random.below(4) == 0 { text += "e\(random.below(600) - 300)" }
      let expected = strtod(text, nil)
      #expect(read(text) == (expected.isInfinite ? .overflow : .number(expected)), "\(text)")
    }
  }

  @Test func shortestTextReadsBackToTheSameDouble() {
    var random = RandomStream(seed: 6)
    for _ in 0..<200_000 {
      let value = Double(bitPattern: random.next())
      guard value.isFinite else { continue }
      #expect(read(shortestText(value)) == .number(value))
    }
  }

  /// Swift writes the shortest digits too.
  @Test func decimalsOfEveryLengthAreWrittenAsSwiftWritesThem() {
    var random = RandomStream(seed: 11, stream: 0)
    for places in 0...12 {
      let scale = (0..<places).reduce(1.0) { scale, _ in scale * 10 }
      for _ in 0..<2000 {
        let decimal = (random.uniform() * 2e6 - 1e6).rounded() * (1 + Double(Int(random.uniform() * 1000))) / scale
        let neighbours = [decimal, decimal.nextUp, decimal.nextDown, decimal + 0.1, decimal * random.uniform()]
        for value in neighbours where abs(value) >= 0.001 && abs(value) < 1e15 {
          let text = "\(value)"
          #expect(shortestText(value) == (text.hasSuffix(".0") ? String(text.dropLast(2)) : text))
        }
      }
    }
  }

  @Test func levelsAreWrittenShortest() { #expect([0.5, 0.025, 0.1, 1e-9].map(levelText) == ["0.5", "0.025", "0.1", "0.000000001"]) }

  private func readComma(_ text: String) -> NumberReading {
    Array(text.utf8).withUnsafeBufferPointer { NumberReader(decimalMark: NumberNotation.comma).read($0) }
  }

  @Test(arguments: [
    ("0", 0.0), ("-0,5", -0.5), ("12", 12), ("1,5", 1.5), ("1,234", 1.234), ("1.234", 1234), ("12.345,6", 12345.6), ("1.234.567,8", 1234567.8),
    ("-1.234", -1234), ("1\u{A0}234,5", 1234.5), ("1\u{202F}234\u{202F}567", 1234567), ("1\u{2009}234", 1234), (",5", 0.5), ("5,", 5), ("+3,5", 3.5),
    ("1,5e-7", 1.5e-7), ("1e3", 1000), (" 2,5 ", 2.5), ("1,2345678901234567890123", 1.2345678901234568),
  ])
  func decimalCommasAreRead(_ text: String, _ value: Double) { #expect(readComma(text) == .number(value)) }

  /// A full stop parts thousands, or is refused: never a fraction in silence.
  @Test(arguments: [
    "1.5", "0.025", "0.125", "1.2345", "1234.567", "1.234.56", "1.23.456", ".5", "5.", "1.234e3", "1,234.5", "1,2,3", "1.234\u{A0}567", "01.234",
    "1 234",
    "1..234", "1.,5", ",", "-", "1,5e",
  ])
  func otherPointsAreNoDecimals(_ text: String) { #expect(readComma(text) == .notANumber) }

  @Test func numbersOfJSONHaveAPoint() {
    func read(_ text: String) -> NumberReading {
      Array(text.utf8).withUnsafeBufferPointer { NumberReader(decimalMark: NumberNotation.comma).read(json: $0) }
    }
    #expect(read("1.234") == .number(1.234) && read("\"1.234\"") == .number(1234) && read("\"1,5\"") == .number(1.5))
    #expect(read("-0.5e1") == .number(-5) && read("null") == .missing && read("\"0.5\"") == .notANumber)
  }

  /// What is written plainly reads as the number that is meant.
  @Test(arguments: [
    ("1,234.5", 1234.5), ("1\u{A0}234,5", 1234.5), ("1234,5", 1234.5), ("1.234,5", 1234.5), ("1.234.567", 1234567), ("1'234.5", 1234.5), ("$12", 12),
    ("12 €", 12), ("-£3.50", -3.5), ("USD 12", 12), ("12 %", 12), ("(12)", -12), ("(1,234.5)", -1234.5), ("12-", -12), ("\u{2212}5", -5),
    ("\u{FF11}\u{FF12}", 12), ("\u{0663}\u{0664}", 34), ("\u{A0}12", 12), ("1_000", 1000), ("12,34,567", 1234567), ("1,5e3", 1500),
  ])
  func otherNotationsAreNamed(_ text: String, _ value: Double) throws {
    let odd = try #require(OddNumber(text, decimalMark: NumberNotation.point))
    let plain = try #require(odd.remedy.components(separatedBy: "write ").last)
    #expect(read(plain) == .number(value))
  }

  @Test(arguments: [
    "12", "-0.5", "1e3", "abc", "4WD", "A1", "10-20", "1/2", "12:30", "2024-01-31", "31.12.2024", "12/31/2024", "192.168.0.1", "555-1234", "1.2.3",
    "$", "()",
    "", "-", "1,,2", "1,23,4", "USD", "e5", "12kg",
  ])
  func whatIsPlainOrNoNumberIsNotOdd(_ text: String) { #expect(OddNumber(text, decimalMark: NumberNotation.point) == nil) }
}
