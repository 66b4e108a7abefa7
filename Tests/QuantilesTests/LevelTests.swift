import Groundwork
import Quantiles
import Testing

@Suite struct LevelTests {
  private static func drawn(_ count: Int) -> [Level] {
    var random = RandomStream(seed: 7)
    return (0..<count).map { _ in Level(key: 1 + random.below(Level.one - 1)) }
  }

  @Test func theComplementOfTheComplementIsTheLevel() {
    for level in LevelTests.drawn(1000) + [.median, Level(key: 1)] {
      #expect(level.complement.complement == level)
      #expect(level.key + level.complement.key == Level.one)
      #expect(level.complement.isProper)
    }
    #expect(Level.median.complement == .median)
  }

  @Test func theValueReadsBackToTheLevel() {
    for level in LevelTests.drawn(1000) {
      #expect(Level(level.value) == level)
      #expect(Level(level.complement.value) == level.complement)
    }
  }

  @Test func levelsAreTheSameWhereNineDecimalsAgree() {
    #expect(Level(0.1 + 0.2) == Level(0.3))
    #expect(Level(1 - 0.9) == Level(0.1))
    #expect(Level(0.123_456_789_4) == Level(0.123_456_789))
    #expect(Level(0.123_456_789_6) == Level(key: 123_456_790))
    #expect(Level(1.0 / 3).value == 0.333_333_333)
  }

  @Test func theOrderIsThatOfValues() {
    let levels = LevelTests.drawn(200)
    for (a, b) in zip(levels, levels.dropFirst()) {
      #expect((a < b) == (a.value < b.value))
      #expect((a < b) == (b.complement < a.complement))
      #expect(a.distance(to: b) == b.distance(to: a))
    }
  }

  @Test func hubLevelsAreExact() {
    let texts = ["0.01", "0.025"] + (1...19).map { $0 * 5 < 10 ? "0.05" : "0.\($0 * 5)" } + ["0.975", "0.99"]
    #expect(Levels.hub == texts.map { Double($0)! })
    #expect(Levels.hub.map { Level($0).value } == Levels.hub)
    #expect(Set(Levels.hub.map { Level($0).complement }) == Set(Levels.hub.map { Level($0) }))
    #expect(Levels.hub.map { Level($0).complement.value } == Levels.hub.reversed())
  }

  @Test func onlyLevelsInsideTheUnitIntervalAreProper() {
    #expect(!Level(0).isProper && !Level(1).isProper && !Level(-0.5).isProper && !Level(1.5).isProper)
    #expect(!Level(4e-10).isProper && !Level(1 - 4e-10).isProper)
    #expect(Level(1e-9).isProper && Level(1 - 1e-9).isProper)
  }

  @Test func bothEndsOfAnIntervalHaveItsCoverage() {
    #expect(Level(0.05).coverage == 0.9 && Level(0.95).coverage == 0.9)
    #expect(Level(0.05).miscoverage == 0.1 && Level(0.95).miscoverage == 0.1)
    #expect(Level.median.coverage == 0 && Level.median.miscoverage == 1)
    for level in LevelTests.drawn(100) { #expect(Level(level.coverage).complement == Level(level.miscoverage)) }
  }
}
