import Foundation
import Testing

/// A case file holds a command and what it must print: sections that begin with a line `--- command`, `--- output`,
/// `--- error` and `--- status` (0 where it is left out). The command is a bash script that runs in an empty folder with
/// the built tools in PATH. Lines before the first section say what the case shows.
///
/// With UPDATE_CASES=1 in the environment the sections are written anew from what the tools print: read the difference before
/// committing it.
struct Case: CustomTestStringConvertible {
  let path: URL
  var testDescription: String { path.deletingPathExtension().pathComponents.suffix(2).joined(separator: "/") }

  static let all: [Case] = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Cases")
    let files = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
    return files.filter { $0.pathExtension == "case" }.sorted { $0.path < $1.path }.map { Case(path: $0) }
  }()

  func sections() throws -> (preamble: String, sections: [String: String]) {
    var preamble = ""
    var sections: [String: String] = [:]
    var current: String?
    for line in try String(contentsOf: path, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
      if line.hasPrefix("--- ") {
        current = String(line.dropFirst(4))
        sections[current!] = ""
      } else if let name = current {
        sections[name]! += line + "\n"
      } else {
        preamble += line + "\n"
      }
    }
    return (preamble, sections)
  }
}

@Suite struct CaseTests {
  @Test func thereAreCases() { #expect(Case.all.count > 700) }

  @Test(arguments: Case.all)
  func theCommandPrintsWhatIsWritten(_ example: Case) throws {
    let (preamble, sections) = try example.sections()
    let command = try #require(sections["command"])
    let result = try Shell.run(command)
    // A last line without a line end is shown with a mark.
    func shown(_ text: String) -> String { text.isEmpty || text.hasSuffix("\n") ? text : text + "\\ no line end\n" }
    if ProcessInfo.processInfo.environment["UPDATE_CASES"] != nil {
      var text = preamble + "--- command\n" + command
      if !result.text.isEmpty { text += "--- output\n" + shown(result.text) }
      if !result.error.isEmpty { text += "--- error\n" + shown(result.error) }
      if result.status != 0 { text += "--- status\n\(result.status)\n" }
      try text.write(to: example.path, atomically: true, encoding: .utf8)
      return
    }
    #expect(shown(result.text) == sections["output"] ?? "")
    #expect(shown(result.error) == sections["error"] ?? "")
    #expect("\(result.status)\n" == sections["status"] ?? "0\n")
  }
}
