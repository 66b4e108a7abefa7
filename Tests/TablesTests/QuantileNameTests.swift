import Groundwork
import Tables
import Testing

@Suite struct QuantileNameTests {
  /// A name of a column beside `m_q0.5`, with the level that it may mean.
  private func miss(_ name: String) throws -> (isOne: Bool, level: Double?) {
    let found = QuantileLikeness.wide.misses([name, "m_q0.5"], models: [nil, "m"])
    return (found.count == 1, found.first?.level)
  }

  @Test(arguments: [
    ("m_Q0.1", 0.1), ("m_q10", 0.1), ("m_q0.1%", nil), ("m_q10%", 0.1), ("m_q0", nil), ("m_q1", nil), ("m_q,1", 0.1), ("m_q0,25", 0.25),
    ("m_q1e-1", 0.1),
    ("m_q0_1", 0.1), ("m-q0.1", 0.1), ("m q0.1", 0.1), ("m.q0.1", 0.1), ("mq0.1", 0.1), ("M_Q90", 0.9), ("m_q025", 0.025), ("m_quantile_0.9", 0.9),
    ("m_q0.1.1", nil), ("m_q０.９", 0.9), ("m_q\u{200B}0.9", 0.9), ("m_q0.1_y", 0.1),
  ])
  func namesThatLookLikeQuantileColumns(_ name: String, _ level: Double?) throws {
    let found = try miss(name)
    #expect(found.isOne && found.level == level)
  }

  @Test(arguments: [
    "m_quality", "m_q1_sales", "m_q", "q1", "k_q1", "seq1", "mq1", "m_q2024", "m_q1_2024", "m_q0.5_lag1", "freq_10", "m_wis", "m", "q0.1x", "m_p90",
  ])
  func honestNames(_ name: String) throws { #expect(try !miss(name).isOne) }

  @Test(arguments: ["a", " a", "a ", "\ta\t", "\u{A0}a\u{3000}", "\u{FEFF}a\u{200B}", "a\n"])
  func blanksAroundANameAreNoPartOfIt(_ name: String) throws {
    #expect(ColumnName.trimmed(name) == "a")
    let header = try Header(names: [name, "b c"])
    #expect(header.names == ["a", "b c"] && header.index(of: "a ") == 0 && header.index(of: " b c") == 1)
  }

  @Test func faultsAreThoseOfGroupsThatAreAskedFor() throws {
    let names = try Header(names: ["m_q0.1", "m_q0.10", "k_q0.5", "k_q1.5", "j_q0.5", "j_Q0.9", "i_q0.5"]).quantileNames(input: "t")
    #expect(names.groups.map(\.name) == ["m", "k", "j", "i"])
    for name in ["m", "k", "j"] { #expect(throws: Failure.self) { try names.group(name) } }
    #expect(try names.group("i")?.levels == [0.5])
    #expect(try names.group("h") == nil)
    #expect(names.doubtful == [5] && Set(names.columns) == [0, 1, 2, 3, 4, 6])
  }
}
