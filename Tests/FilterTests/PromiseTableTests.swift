import Foundation
import Testing

/// Every promise in docs/methods.md names what would catch it, and that is there.
@Suite struct PromiseTableTests {
  @Test func everyTestThatIsNamedExists() throws {
    let document = try String(contentsOf: Shell.checkout.appendingPathComponent("docs/methods.md"), encoding: .utf8)
    let rows = document.split(separator: "\n").filter { $0.hasPrefix("| ") && !$0.hasPrefix("| promise |") }
    #expect(rows.count > 30)
    let sources = try Shell.run("cat $CHECKOUT/Tests/*/*.swift").text
    for row in rows {
      let cells = row.components(separatedBy: " | ")
      #expect(cells.count == 5, "\(row)")
      guard cells.count == 5, cells[3] != "the same", cells[3] != "the same, merged" else { continue }
      let names = cells[3].components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
      #expect(!names.isEmpty, "\(row)")
      for name in names {
        let start = name.hasSuffix("…") ? String(name.dropLast()) : name
        let script = name.hasPrefix("scripts/") ? name : "scripts/promises/" + name
        let isInTests = sources.contains("func \(start)") || sources.contains("struct \(start)")
        let isScript = FileManager.default.fileExists(atPath: Shell.checkout.appendingPathComponent(script).path)
        let isCase = try Shell.run("ls $CHECKOUT/Tests/FilterTests/Cases/*/\(name).case").status == 0
        #expect(isInTests || isScript || isCase, "\(name) in: \(row)")
      }
    }
  }
}
