import Groundwork
import Methods
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
}
