import Groundwork
import MethodKit
import Testing

@Suite struct SettingsTests {
  let forest = MethodDescription(
    name: "forest", summary: "",
    settings: [
      SettingDescription("trees", .integer(1...1000), default: "100", ""),
      SettingDescription("fraction", .number(0...1), default: "1", ""),
    ])

  @Test func defaultsHoldWhereNothingIsWritten() throws {
    let settings = try Settings([("trees", "7")], of: forest)
    #expect(settings.integer("trees") == 7)
    #expect(settings.number("fraction") == 1)
  }

  @Test func aNearMissIsSuggested() {
    #expect(throws: Failure(.usage, "forest has no setting \"tree\"", remedy: "did you mean trees?")) {
      try Settings([("tree", "7")], of: forest)
    }
  }

  @Test func outOfRangeIsRefused() {
    #expect(throws: Failure(.usage, "forest:trees=0: trees takes a whole number from 1 to 1000")) {
      try Settings([("trees", "0")], of: forest)
    }
  }

  /// What a setting says of trials holds in every trial, whatever was asked for it; other settings are as asked.
  @Test func trialsOverrideWhatWasAskedAndNothingElse() throws {
    let method = MethodDescription(
      name: "m", summary: "",
      settings: [
        SettingDescription("a", .integer(1...100), default: "4", "", inTrials: "1"), SettingDescription("b", .integer(1...100), default: "5", ""),
      ])
    for asked in [[], [("a", "8")], [("b", "7"), ("a", "8")]] as [[(key: String, value: String)]] {
      let settings = try Settings(method.trialSettings(of: asked), of: method)
      #expect(settings.integer("a") == 1)
      #expect(settings.integer("b") == (asked.count == 2 ? 7 : 5))
    }
  }

  /// Draws keep what is fixed, stay in their spaces, and are settings the method takes.
  @Test func drawnSettingsAreTakenByTheMethod() throws {
    let method = MethodDescription(
      name: "m", summary: "",
      settings: [
        SettingDescription("a", .integer(1...100), default: "1", "", search: .logarithmic(2...50)),
        SettingDescription("b", .number(0...1), default: "1", "", search: .logarithmic(1e-4...0.1)),
        SettingDescription("c", .choice(["x", "y"]), default: "x", "", search: .among(["x", "y"])),
        SettingDescription("d", .integer(0...9), default: "4", ""),
      ])
    var random = RandomStream(seed: 1)
    var seen: Set<String> = []
    for _ in 0..<200 {
      let settings = try Settings(method.drawSettings(beside: [("c", "y")], &random), of: method)
      #expect((2...50).contains(settings.integer("a")) && (1e-4...0.1).contains(settings.number("b")))
      #expect(settings.choice("c") == "y" && settings.integer("d") == 4)
      seen.insert("\(settings.number("b"))")
    }
    #expect(seen.count > 50)
    #expect(!method.isTunable(beside: [("a", "1"), ("b", "1"), ("c", "x")]) && method.isTunable(beside: [("a", "1")]))
  }
}
