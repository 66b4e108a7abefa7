import Groundwork
import Tables
import Testing

/// What is one key, and what is two.
@Suite struct KeyFormTests {
  private func form(_ text: String) -> String { KeyForm.of(FieldText(text)).description }

  @Test(arguments: [
    ["1", "1.0", "1e0", "+1", "10e-1", " 1", "0.1e1", "1.", "1E+0"], ["0", "-0", "0.0", "0e5", "+0."], ["-1.5", "-15e-1", "-1.50"],
    ["12345678901234567890", "1234567890123456789e1"], ["1e60", "10e59", "0.1e61"], ["0.001", "1e-3", ".001"],
    ["", "NA", "NaN", "null", " ", "nan"],
    ["2024-01-09", "2024-1-9", "2024/01/09", "2024-01-09T00:00:00Z", "2024-01-09 01:00+01:00", "2024-01-08T24:00"],
    ["2024-01-09T12:30:00.5Z", "2024-01-09 12:30:00,50"], ["2024-W05", "2024W05"], ["2024-Q1", "2024Q1"],
    ["2024-W05-1", "2024-01-29"],
  ])
  func spellingsOfOneKey(_ spellings: [String]) {
    #expect(Set(spellings.map(form)).count == 1, "\(spellings.map { ($0, form($0)) })")
  }

  @Test func spellingsOfDifferentKeys() {
    let texts = [
      "1", "01", "-01", "001", "1 2", "1_000", "0x1", "1e", "e1", "1.0.0", "inf", "a", "A", " a", "é", "e\u{301}", "2024", "2024-01", "2024-Q1",
      "2024-W01",
      "2024-01-01", "2024-13-01", "2024-02-30", "2024-01-01T00:00:01", "1/2/2024", "2/1/2024", "12345678901234567890", "12345678901234567891",
      "1e-400", "0", "9007199254740993", "9007199254740992", "nul", "N/A", "+", "-", ".", "24-01-01", "2024-W54",
    ]
    #expect(Set(texts.map { KeyForm.of(FieldText($0)) }).count == texts.count)
  }

  @Test func bytesThatAreNotUTF8AreKeys() {
    let texts = [[0xFF], [0xEF, 0xBF, 0xBD], [0x4D, 0xFC], [0x4D, 0xF6]].map { FieldText($0.map { UInt8($0) }) }
    #expect(texts.map(KeyForm.of) == texts)
  }

  /// The form of a form is itself, and what is quick says what is slow.
  @Test func formsAreTheirOwn() {
    var random = RandomStream(seed: 11)
    let characters = Array("0011259.-+eE:TZ/WQ NA,é\"".utf8)
    for _ in 0..<200_000 {
      let text = FieldText((0..<random.below(12)).map { _ in characters[random.below(characters.count)] })
      let form = KeyForm.of(text)
      #expect(KeyForm.of(form) == form)
      let buffer = ByteBuffer(capacity: 64)
      text.bytes.withUnsafeBufferPointer { KeyForm.append($0, into: buffer) }
      #expect(FieldText(buffer.bytes) == form)
    }
  }

  /// Against doubles where they are exact.
  @Test func decimalsCompareAsNumbersDo() {
    var random = RandomStream(seed: 12)
    func text() -> String {
      let digits = random.below(2000) - 1000
      return ["\(digits)", "\(Double(digits) / 8)", "\(digits)e\(random.below(5))", "\(digits).0"][random.below(4)]
    }
    for _ in 0..<20_000 {
      let (a, b) = (text(), text())
      let (x, y) = (ExactDecimal(Array(a.utf8))!, ExactDecimal(Array(b.utf8))!)
      #expect(x.isLess(than: y) == (Double(a)! < Double(b)!), "\(a) \(b)")
      #expect((x.canonicalText == y.canonicalText) == (Double(a)! == Double(b)!), "\(a) \(b)")
      #expect(Double(String(decoding: x.canonicalText, as: UTF8.self)) == Double(a))
    }
  }

  @Test func keysOfSeveralColumnsDoNotRunTogether() throws {
    let table = KeyTable()
    let keys: [[FieldText]] = [
      ["a", "b,c"], ["a,b", "c"], ["a\u{1F}b", "c"], ["a", "b\u{1F}c"], ["a\"", "b"], ["a", "\"b"], ["", "a"], ["a", ""], ["a\n", "b"],
    ]
    for key in keys { _ = try table.number(of: key) }
    #expect(table.count == keys.count)
    for (number, key) in keys.enumerated() { #expect(table.find(key) == number) }
    #expect(table.find(["1", "x"]) == nil)
  }

  @Test func theFirstSpellingIsKeptInWhateverOrderPartsAreMerged() throws {
    func part(_ spelling: FieldText, _ block: Int) throws -> KeyTable {
      let table = KeyTable()
      _ = try table.number(of: [spelling], at: KeyTable.Place(block: block, row: 0))
      return table
    }
    let (first, second) = (try part("1.0", 3), try part("1", 4))
    for (a, b) in [(first, second), (second, first)] {
      let all = KeyTable()
      #expect(try all.merge(a) + all.merge(b) == [0, 0])
      #expect(all.names == [["1.0"]])
    }
  }
}
