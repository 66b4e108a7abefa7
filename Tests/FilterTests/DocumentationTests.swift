import Foundation
import Groundwork
import Testing

/// What the documents say is what the tools do.
@Suite struct DocumentationTests {
  static let tools = ["qfit", "qaggregate", "qsort", "qconformal", "qscore", "qreshape", "qplot"]
  static let man = Shell.checkout.appendingPathComponent("man")

  static let documents: [URL] = {
    let pages = (try? FileManager.default.contentsOfDirectory(at: man, includingPropertiesForKeys: nil)) ?? []
    return [Shell.checkout.appendingPathComponent("README.md")]
      + pages.filter { ["1", "5", "7"].contains($0.pathExtension) }.sorted { $0.path < $1.path }
  }()

  /// Long options without their dashes, as the parser tells them.
  static func longOptions(_ tool: String) throws -> [String] {
    try arguments(tool).filter { $0["shouldDisplay"] as? Bool != false }.flatMap(longNames)
  }

  /// The values that completion offers for a long option, in their order.
  static func values(of option: String, tool: String) throws -> [String] {
    let argument = try #require(try arguments(tool).first { longNames($0).contains(option) })
    let list = try #require((argument["completionKind"] as? [String: Any])?["list"] as? [String: Any])
    return try #require(list["values"] as? [String])
  }

  private static func arguments(_ tool: String) throws -> [[String: Any]] {
    let dump = try Shell.run("\(tool) --experimental-dump-help")
    let object = try #require(try JSONSerialization.jsonObject(with: Data(dump.output)) as? [String: Any])
    let command = try #require(object["command"] as? [String: Any])
    return try #require(command["arguments"] as? [[String: Any]])
  }

  private static func longNames(_ argument: [String: Any]) -> [String] {
    (argument["names"] as? [[String: String]] ?? []).filter { $0["kind"] == "long" }.compactMap { $0["name"] }
  }

  /// Every match of a pattern's first group.
  static func matches(_ pattern: String, in text: String) throws -> [String] {
    let expression = try NSRegularExpression(pattern: pattern)
    return expression.matches(in: text, range: NSRange(text.startIndex..., in: text)).compactMap {
      Range($0.range(at: 1), in: text).map { String(text[$0]) }
    }
  }

  // MARK: Examples

  /// With UPDATE_CASES=1 in the environment the outputs are written anew: read the difference before committing it.
  @Test(arguments: documents)
  func everyExamplePrintsWhatTheDocumentShows(_ path: URL) throws {
    let document = try Document(path: path)
    let printed = try document.run()
    try #require(printed.count == document.examples.count)
    if ProcessInfo.processInfo.environment["UPDATE_CASES"] != nil { return try document.write(printed) }
    for (example, printed) in zip(document.examples, printed) {
      if let output = example.output { #expect(printed.output == output, "\(example.script)") }
      // An example may show a mistake and the message it gets.
      let showsMistake = example.output?.contains(": stdin:") == true
      #expect((printed.status == 0) != showsMistake, "\(example.script)\n\(printed.output)")
    }
  }

  @Test func readmeAndPagesHaveExamples() throws {
    let counts = try Self.documents.map { try Document(path: $0).examples.count }
    #expect(counts.count == 10 && counts.allSatisfy { $0 > 0 })
  }

  /// A block that is not run says why.
  @Test func blocksThatAreNotRunAreFew() throws {
    let text = try String(contentsOf: Self.documents[0], encoding: .utf8)
    let reasons = try Self.matches("<!-- not run: (.*) -->\n```console\n", in: text)
    #expect(reasons == ["it never ends", "it changes the machine"])
  }

  @Test func thePythonOfTheReadmeMadeTheBundledTable() throws {
    let readme = try String(contentsOf: Self.documents[0], encoding: .utf8)
    let script = try String(contentsOf: Shell.checkout.appendingPathComponent("scripts/data/predict-with-lightgbm.py"), encoding: .utf8)
    #expect(readme.contains("```python\n\(script)```"))
  }

  // MARK: Options

  @Test func manPagesSayWhatHelpSays() throws {
    let folder = try Shell()
    defer { folder.remove() }
    let result = try folder.run("BUILD=\(Shell.binaries.path) \"$CHECKOUT\"/scripts/make/man \"$PWD\"/man")
    #expect(result.status == 0, "\(result.error)")
    for page in Self.documents.dropFirst() {
      let made = try String(contentsOf: folder.folder.appendingPathComponent("man/\(page.lastPathComponent)"), encoding: .utf8)
      #expect(made == (try String(contentsOf: page, encoding: .utf8)), "\(page.lastPathComponent) is not up to date: run make man")
    }
  }

  @Test(arguments: tools)
  func helpAndManPageKnowTheOptionsOfTheParser(_ tool: String) throws {
    let options = Set(try Self.longOptions(tool))
    #expect(options.count > 10)
    let help = try Self.matches("(?m)^  (?:-[a-z], )?--([a-z-]+)", in: try Shell.run("COLUMNS=1000 \(tool) --help").text)
    #expect(Set(help) == options)
    let page = try String(contentsOf: Self.man.appendingPathComponent("\(tool).1"), encoding: .utf8)
    let items = try Self.matches(#"(?m)^\.It Fl (?:[a-z] , Fl )?\\-([a-z\\-]+)"#, in: page).map { $0.replacingOccurrences(of: "\\", with: "") }
    #expect(Set(items) == options)
    let mentioned = try Self.matches(#"Fl \\-([a-z\\-]+)"#, in: page).map { $0.replacingOccurrences(of: "\\", with: "") }
    #expect(Set(mentioned).subtracting(options).isEmpty)
  }

  @Test func readmeNamesNoOptionThatIsNotThere() throws {
    let known = try Self.tools.reduce(into: Set<String>()) { $0.formUnion(try Self.longOptions($1)) }
    let text = try String(contentsOf: Self.documents[0], encoding: .utf8)
    let ofOthers: Set = ["pipe", "block", "header", "filter"]
    let named = try Self.matches("(?<![-<!])--([a-z][a-z-]*)", in: text)
    #expect(named.count > 10)
    #expect(Set(named).subtracting(known).subtracting(ofOthers).isEmpty)
  }

  @Test func manPagesAreCleanRoff() throws {
    let result = try Shell.run("mandoc -T lint -W warning \"$CHECKOUT\"/man/*.[157]")
    #expect(result.status == 0, "\(result.text)\(result.error)")
  }

  @Test func theOverviewNamesEveryExitStatus() throws {
    let page = try String(contentsOf: Self.man.appendingPathComponent("quantile-filters.7"), encoding: .utf8)
    let section = try #require(page.components(separatedBy: ".Sh EXIT STATUS\n").last?.components(separatedBy: "\n.Sh ").first)
    let statuses = try Self.matches(#"(?m)^\.It ([0-9]+)$"#, in: section).compactMap { Int32($0) }
    #expect(statuses == [0] + Failure.Status.allCases.map(\.rawValue))
  }

  @Test func theReadmeNamesSourcesThatAreThere() throws {
    let readme = try String(contentsOf: Self.documents[0], encoding: .utf8)
    let named = try Self.matches(#"`((?:Sources|scripts)/[A-Za-z/.-]+)"#, in: readme)
    #expect(named.count > 10)
    for path in named { #expect(FileManager.default.fileExists(atPath: Shell.checkout.appendingPathComponent(path).path), "\(path)") }
  }

  // MARK: Completions

  @Test(arguments: tools)
  func bashCompletesEveryLongOption(_ tool: String) throws {
    let completed = try Shell.run(
      """
      source <(\(tool) --generate-completion-script bash)
      COMP_WORDS=(\(tool) --) COMP_CWORD=1 COMP_LINE='\(tool) --' COMP_POINT=${#COMP_LINE}
      _\(tool) \(tool) -- \(tool)
      printf '%s\\n' "${COMPREPLY[@]}"
      """)
    #expect(completed.error.isEmpty)
    let words = Set(completed.text.split(separator: "\n").map { String($0.dropFirst(2)) })
    #expect(Set(try Self.longOptions(tool)).subtracting(words).isEmpty)
  }

  @Test(arguments: tools)
  func zshAndFishCompletionsNameEveryLongOption(_ tool: String) throws {
    let zsh = try Shell.run("\(tool) --generate-completion-script zsh").text
    let fish = try Shell.run("\(tool) --generate-completion-script fish").text
    for option in try Self.longOptions(tool) {
      #expect(zsh.contains("--" + option))
      #expect(fish.contains("-l '\(option)'") || fish.contains("-l \(option)"))
    }
  }

  // MARK: Installing

  /// `make build` asks for no root, and `make install` for no compiler.
  @Test func buildingInstallsNothingAndInstallingBuildsNothing() throws {
    let build = try Shell.run("make -n -C \"$CHECKOUT\" build")
    #expect(build.status == 0 && build.text.contains("swift build") && !build.text.contains("set-up"), "\(build.text)\(build.error)")
    let install = try Shell.run("make -n -C \"$CHECKOUT\" install")
    #expect(install.status == 0 && install.text.contains("install -m") && !install.text.contains("swift"), "\(install.text)\(install.error)")
    let unbuilt = try Shell.run("make -s -C \"$CHECKOUT\" BUILD=\"$PWD\" PREFIX=\"$PWD\"/usr install; ls")
    #expect(unbuilt.error.contains("run make build") && unbuilt.text.isEmpty, "\(unbuilt.text)\(unbuilt.error)")
  }

  @Test func installPutsEverythingInPlaceAndUninstallTakesItAway() throws {
    let make = "make -s -C \"$CHECKOUT\" BUILD=\(Shell.binaries.path) PREFIX=\"$PWD\"/usr"
    let result = try Shell.run(
      "\(make) install >&2 && find usr -type f | sort && usr/bin/qsort --version > /dev/null && \(make) uninstall && find usr -type f | wc -l")
    #expect(result.status == 0, "\(result.error)")
    let share = "usr/share"
    let expected =
      Self.tools.flatMap {
        [
          "usr/bin/\($0)", "\(share)/man/man1/\($0).1", "\(share)/bash-completion/completions/\($0)", "\(share)/zsh/site-functions/_\($0)",
          "\(share)/fish/vendor_completions.d/\($0).fish",
        ]
      } + ["\(share)/man/man5/quantile-table.5", "\(share)/man/man7/quantile-filters.7"]
    let lines = result.text.split(separator: "\n").map { String($0).trimmingCharacters(in: .whitespaces) }
    #expect(Set(lines.dropLast()) == Set(expected))
    #expect(lines.last == "0")
  }
}
