namespace Heed.Core.Tests;

public class PrintableTests
{
    [Theory]
    [InlineData(0, "0")]
    [InlineData(950, "950")]
    [InlineData(12.5, "12.5")]
    [InlineData(12_345, "12.3 k")]
    [InlineData(4_000_000, "4.0 M")]
    [InlineData(7.2e12, "7.2 T")]
    [InlineData(3e20, "300000.0 P")]
    public void A_number_has_the_unit_of_its_size(double value, string expected) => Assert.Equal(expected, Printable.Count(value));

    [Fact]
    public void A_noun_and_a_verb_go_with_their_number()
    {
        Assert.Equal(("1 example", "0 examples", "2,000 batches"),
            (Printable.Counted(1, "example"), Printable.Counted(0, "example"), Printable.Counted(2000, "batch", "batches")));
        Assert.Equal(("1 of 20 texts is", "2 of 2 texts are", "1 of 1 text is"),
            (Printable.Part(1, 20, "text"), Printable.Part(2, 2, "text"), Printable.Part(1, 1, "text")));
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1536, "1.5 KiB")]
    public void Bytes_have_the_unit_of_their_size(double value, string expected) => Assert.Equal(expected, Printable.Bytes(value));
}
