import FilterKit
import Testing

@Suite struct FeatureKindTests {
  /// 2024-02-29 is the 60th day of its year and a Thursday; 1969-12-28 was a Sunday.
  @Test func partsOfADateAreThoseOfTheCalendar() {
    func parts(_ days: Double) -> [Double] { DatePart.allCases.map { $0.value(ofDays: days) } }
    #expect(parts(0) == [0, 1, 4, 1])
    #expect(parts(19782) == [19782, 2, 4, 60])
    #expect(parts(20088.5) == [20088.5, 12, 2, 366])
    #expect(parts(-4) == [-4, 12, 7, 362])
    for part in parts(.nan) { #expect(part.isNaN) }
  }

  @Test(arguments: [
    "id", "store_id", "StoreId", "storeID", "zip", "zip.code", "ZIPCode", "zipcode", "postcode", "county_fips", "SKU", "userid", "price_code",
  ])
  func namesOfCodesAreTold(_ name: String) { #expect(CodeLikeness.isCode(name)) }

  @Test(arguments: ["x", "width", "humid", "paid", "valid", "store_sales", "item_count", "users", "median", "grid", "region_area", "decode", "idle"])
  func otherNamesAreNot(_ name: String) { #expect(!CodeLikeness.isCode(name)) }
}
