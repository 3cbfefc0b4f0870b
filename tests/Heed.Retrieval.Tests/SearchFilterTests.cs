namespace Heed.Retrieval.Tests;

public class SearchFilterTests
{
    private static readonly Dictionary<string, object> Document = new()
    {
        ["lang"] = "en",
        ["year"] = 2021L,
        ["size"] = 2.5,
        ["public"] = true,
        ["tags"] = new object[] { "a", "b c", 7L },
    };

    [Theory]
    [InlineData("lang=en", true)]
    [InlineData("lang=de|en", true)]
    [InlineData("lang!=en", false)]
    [InlineData("lang=EN", false)]
    [InlineData("year>=2021 and year<2022", true)]
    [InlineData("year>2021", false)]
    [InlineData("size<=2.5", true)]
    [InlineData("size<3", true)]
    [InlineData("year=2021.0", true)]
    [InlineData("year='2021'", false)]
    [InlineData("public=true", true)]
    [InlineData("tags=a", true)]
    [InlineData("tags='b c' and tags=7", true)]
    [InlineData("tags=x", false)]
    [InlineData("none=1", false)]
    [InlineData("none!=1", true)]
    [InlineData("lang>=a", true)]
    [InlineData("lang>=5", false)]
    public void A_condition_fits_as_it_says(string filter, bool fits) => Assert.Equal(fits, SearchFilter.Parse(filter).Fits(Document));

    [Theory]
    [InlineData("lang")]
    [InlineData("=en")]
    [InlineData("lang!en")]
    [InlineData("year>1|2")]
    [InlineData("")]
    public void What_is_no_condition_is_named(string filter)
        => Assert.Contains("filter: '", Assert.Throws<ConfigException>(() => SearchFilter.Parse(filter)).Message, StringComparison.Ordinal);

    [Fact]
    public void Conditions_are_joined_and_turned_round()
    {
        SearchFilter filter = SearchFilter.Any(SearchFilter.Not(SearchFilter.Equal("lang", "en")), SearchFilter.All(
            SearchFilter.OneOf("year", 2020, 2021), SearchFilter.Below("size", 3f)));
        Assert.True(filter.Fits(Document));
        Assert.Throws<InputException>(() => SearchFilter.Equal("a", new object()));
    }
}
