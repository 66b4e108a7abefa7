import Glibc
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
}
