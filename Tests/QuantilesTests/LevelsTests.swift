import Groundwork
import Quantiles
import Testing

@Suite struct LevelsTests {
  @Test func hubLevelsAreTheTwentyThree() {
    #expect(
      Levels.hub == [
        0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975, 0.99,
      ])
  }

  @Test(arguments: [("3", [0.25, 0.5, 0.75]), ("0.9,0.1", [0.1, 0.9]), ("0.1:0.3:0.1", [0.1, 0.2, 0.3])])
  func specificationsAreRead(_ text: String, _ levels: [Double]) throws {
    #expect(try Levels.parse(text) == levels)
  }

  @Test(arguments: ["0", "1.0", "0.5,0.5", "a", "", "0.1:0.9", "0.9:0.1:0.1", "nan"])
  func otherTextIsRefused(_ text: String) {
    #expect(throws: Failure.self) { try Levels.parse(text) }
  }
}
