import FilterKit
import Foundation
import MethodKit
import Scoring
import Testing

/// What `--help methods` lists is what help, man pages, completions and README tell; and a member that only a list knows is told like the others.
@Suite struct MethodListTests {
  static let tools = ["qfit", "qaggregate", "qconformal", "qscore", "qreshape", "qplot"]

  static func methods(_ tool: String) throws -> [(name: String, summary: String)] {
    try Shell.run("\(tool) --help methods").text.split(separator: "\n").map { line in
      let at = try #require(line.range(of: "  "))
      return (String(line[..<at.lowerBound]), String(line[at.upperBound...]))
    }
  }

  // MARK: Everywhere

  @Test(arguments: tools)
  func helpListsEveryMethodInALineOfItsOwn(_ tool: String) throws {
    let methods = try Self.methods(tool)
    #expect(methods.count >= 5 && Set(methods.map(\.name)).count == methods.count)
    let help = try Shell.run("COLUMNS=200 \(tool) --help").text
    for (name, summary) in methods {
      #expect(try Shell.run("\(tool) --help \(name)").text.hasPrefix("\(name): \(summary)\n"))
      // Scores are told by their columns.
      #expect(help.contains(tool == "qscore" ? "\(name)" : "\n  \(name) "), "\(name)")
    }
    #expect(help.split(separator: "\n").allSatisfy { $0.count < 500 })
  }

  @Test(arguments: tools)
  func manPagesListEveryMethod(_ tool: String) throws {
    let page = try String(contentsOf: DocumentationTests.man.appendingPathComponent("\(tool).1"), encoding: .utf8)
    let start = try #require(page.range(of: ".\\\" BEGIN GENERATED methods"))
    let end = try #require(page.range(of: ".\\\" END GENERATED", range: start.upperBound..<page.endIndex))
    let items = page[start.upperBound..<end.lowerBound].split(separator: "\n").map { $0.replacingOccurrences(of: "\\", with: "") }
    for (name, _) in try Self.methods(tool) { #expect(items.contains(".It Cm \(name)"), "\(name)") }
  }

  @Test(arguments: ["qfit", "qaggregate", "qconformal", "qreshape", "qplot"])
  func completionsOfferEveryMethod(_ tool: String) throws {
    let script = try Shell.run("\(tool) --generate-completion-script bash").text
    for (name, _) in try Self.methods(tool) {
      #expect(try DocumentationTests.matches("[ '\\n](\(NSRegularExpression.escapedPattern(for: name)))[ '\\n]", in: script).count > 0, "\(name)")
    }
  }

  @Test func readmeSaysWhatTheToolsSay() throws {
    let folder = try Shell()
    defer { folder.remove() }
    let result = try folder.run("BUILD=\(Shell.binaries.path) \"$CHECKOUT\"/scripts/make/readme \"$PWD\"/made.md")
    #expect(result.status == 0, "\(result.error)")
    let made = try String(contentsOf: folder.folder.appendingPathComponent("made.md"), encoding: .utf8)
    #expect(made == (try String(contentsOf: DocumentationTests.documents[0], encoding: .utf8)), "README.md is not up to date: run make man")
    for tool in Self.tools { for (name, _) in try Self.methods(tool) { #expect(made.contains("\n| `\(name)` | "), "\(name)") } }
  }

  // MARK: A member that is made up

  private static let madeUp = MethodDescription(
    name: "made-up", summary: "what nobody fits", settings: [SettingDescription("size", .integer(1...9), default: "3", "its size")])

  @Test func aMadeUpMethodIsInEveryHelp() {
    let known = [MethodDescription(name: "known", summary: "what somebody fits"), Self.madeUp]
    #expect(helpText(of: known) == "known  what somebody fits\nmade-up  what nobody fits\n")
    #expect(methodLines(known) == "  known    what somebody fits\n  made-up  what nobody fits")
    #expect(
      helpText(of: Self.madeUp)
        == "made-up: what nobody fits\n\nSettings (made-up:key=value,…):\n  size  its size (whole number from 1 to 9; default 3)\n")
    #expect(
      (try? MethodSpecification.parse(["made-up:size=4"], flag: "-l", known: known)) == [
        MethodSpecification(name: "made-up", method: "made-up", settings: [("size", "4")])
      ])
  }

  /// A mode that only a list knows is shown with the flags that it takes, and refuses the others.
  @Test func aMadeUpModeIsInTheHelp() {
    let modes = [
      Mode("learn", "", "learns", takes: ["--seed", "--save"]) { ("\($0) is for others", nil) },
      Mode("made-up", "--made-up", "does nothing", takes: ["--made-up", "--save"]) { ("\($0) is for others", nil) },
    ]
    let flags = ["--seed", "--save", "--made-up"].map { GivenFlag($0, $0 == "--seed") }
    #expect(
      helpText(of: modes, flags) == """
        MODES:
          learn    (no flag)  learns
          made-up  --made-up  does nothing

        FLAGS, AND THE MODES THAT TAKE THEM:
          --seed     learn
          --save     every mode
          --made-up  made-up

        """)
    #expect(throws: Never.self) { try modes[0].check(flags) }
    #expect(throws: (any Error).self) { try modes[1].check(flags) }
  }

  /// Scores of a list that holds one more are told, asked for and reported like the others.
  @Test func aMadeUpScoreIsInTheHelp() {
    struct MadeUp: Score {
      static let description = ScoreDescription(
        name: "made_up", summary: "nothing", direction: .less, lines: [.init([("made_up", .none)], "nothing at all")], request: "Report made_up too.")
      let columns = ["made_up"]
      init(levels: [Double], intervals: [Interval]) {}
      func evaluate(quantiles: UnsafePointer<Double>, target: Double, into values: UnsafeMutablePointer<Double>) { values[0] = 7 }
    }
    let registry = scoreRegistry + [MadeUp.self]
    #expect(ScoreDescription.lines(of: registry).last?.columns.first?.name == "made_up")
    #expect(!ScoreDescription.lines(of: registry) { $0.request == nil }.contains { $0.summary == "nothing at all" })
    #expect(ScoreDescription.requested(of: registry).last?.name == "made_up")
    let scorer = Scorer(levels: [0.5], intervals: [], requested: ["made_up"], registry: registry)
    #expect(scorer.columns.last == "made_up" && scorer.losses.last == "made_up" && scorer.evaluate(quantiles: [1], target: 2).last == 7)
  }

  /// Tools that list one method more, `made-up`: man pages and README that are made from them list it too.
  @Test func aMadeUpMethodIsInEveryPageAndTable() throws {
    let folder = try Shell()
    defer { folder.remove() }
    let result = try folder.run(
      """
      mkdir tools man
      for tool in \((DocumentationTests.tools).joined(separator: " ")); do
        cat > tools/$tool <<END
      #!/bin/bash
      case "\\$*" in
        '--help methods')
          \(Shell.binaries.path)/$tool --help methods
          echo 'made-up  what nobody fits'
          [ $tool != qconformal ] || echo 'made-up-online  online: what nobody follows' ;;
        '--help made-up') echo 'made-up: what nobody fits' ;;
        '--help made-up-online') echo 'made-up-online: online: what nobody follows' ;;
        *) exec \(Shell.binaries.path)/$tool "\\$@" ;;
      esac
      END
        chmod +x tools/$tool
      done
      BUILD="$PWD"/tools "$CHECKOUT"/scripts/make/man "$PWD"/man
      BUILD="$PWD"/tools "$CHECKOUT"/scripts/make/readme "$PWD"/made.md
      for tool in \(Self.tools.joined(separator: " ")); do grep -c 'It Cm made.-up$' man/$tool.1; done
      grep -c '^| `made-up` | what nobody fits |$' made.md
      grep -c '^| `made-up-online` | what nobody follows |$' made.md
      """)
    #expect(result.text == String(repeating: "1\n", count: Self.tools.count) + "6\n1\n", "\(result.error)")
  }
}
