import Foundation
import Testing

/// A short run of the fuzzer. `make fuzz` runs it longer and with other seeds.
@Suite struct FuzzTests {
  private static let hasPython = (try? Shell.run("command -v python3"))?.status == 0

  @Test(.enabled(if: hasPython))
  func someSecondsOfDamagedInputFindNothing() throws {
    let result = try Shell.run("TOOLS=$(dirname $(command -v qsort)) FINDINGS=$PWD/findings $CHECKOUT/scripts/fuzz 5 20260")
    #expect(result.status == 0)
    #expect(result.text.contains(": 0 findings"), "\(result.text)")
  }
}
