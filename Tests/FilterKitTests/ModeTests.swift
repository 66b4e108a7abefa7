import FilterKit
import Groundwork
import Testing

@Suite struct ModeTests {
  private let mode = Mode("answer", "--load FILE", "answers", takes: ["--load", "--digits"]) { ("\($0) teaches", "leave it out") }

  @Test func flagsThatAModeTakesPass() throws {
    try mode.check([GivenFlag("--load", true), GivenFlag("--digits", true), GivenFlag("--method", false)])
  }

  @Test func theFirstForeignFlagIsRefusedWithItsReason() {
    #expect(throws: Failure(.usage, "--method teaches", remedy: "leave it out")) {
      try mode.check([GivenFlag("--load", true), GivenFlag("--method", true), GivenFlag("--seed", true)])
    }
  }
}
