using System.Text;

namespace Heed.Core.Tests;

public class StrictJsonTests
{
    [Theory]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("""{"a":1,}""")]
    [InlineData("""{"a":1} x""")]
    [InlineData("// c\n1")]
    [InlineData("""{"\ud800":1}""")]
    [InlineData("")]
    public void Lenient_forms_are_refused_with_the_file_named(string text)
    {
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => StrictJson.Parse(Encoding.UTF8.GetBytes(text), "some.json"));
        Assert.StartsWith("some.json", e.Message, StringComparison.Ordinal);
        Assert.Equal(ExitCode.InputRejected, e.ExitCode);
    }

    [Fact]
    public void Bad_utf8_is_refused_with_its_offset()
    {
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => StrictJson.Parse(new byte[] { (byte)'"', 0xC3, (byte)'"' }, "f"));
        Assert.Equal("byte 1", e.Where);
    }

    [Theory]
    [InlineData("""{"a": 1, "eps": NaN}""", "$.eps", "NaN")]
    [InlineData("""{"a": [1, {"b": [2, 3, -Infinity]}]}""", "$.a[1].b[2]", "-Infinity")]
    [InlineData("""{"a": {"b": {}}, "c": [[], [Infinity]]}""", "$.c[1][0]", "Infinity")]
    public void Numbers_that_only_python_writes_are_named_with_their_place(string text, string where, string word)
    {
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => StrictJson.Parse(Encoding.UTF8.GetBytes(text), "f"));
        Assert.Equal(where, e.Where);
        Assert.Contains($"is {word}, which is no JSON", e.Message, StringComparison.Ordinal);
        Assert.Contains("a finite number is allowed", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_number_beyond_float64_is_refused()
    {
        using var document = StrictJson.Parse("1e999"u8.ToArray(), "f");
        Assert.Throws<InvalidFileException>(() => StrictJson.Number(document.RootElement, "f", "$"));
    }

    [Fact]
    public void Integers_are_checked_against_their_range()
    {
        using var document = StrictJson.Parse("1.5"u8.ToArray(), "f");
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => StrictJson.Integer(document.RootElement, "f", "$.n", 0, 9));
        Assert.Contains("an integer from 0 to 9", e.Message, StringComparison.Ordinal);
    }
}
