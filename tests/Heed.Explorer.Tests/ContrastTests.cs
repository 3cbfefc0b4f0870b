using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Heed.Explorer.Serving;

namespace Heed.Explorer.Tests;

/// <summary>Text can be read in both themes: contrast by WCAG 2.2 (1.4.3 and 1.4.11), from the colours of the style sheet.</summary>
public sealed partial class ContrastTests
{
    private const double OfText = 4.5, OfPictures = 3;

    private static readonly string Css = Encoding.UTF8.GetString(StaticFiles.Find("app.css")!.Bytes);

    private static readonly string[] Texts = ["ink", "muted", "link", "output"], Grounds = ["page", "raised", "tint"];

    [Theory]
    [InlineData("light")]
    [InlineData("dark")]
    public void Text_stands_out_from_every_ground(string theme)
    {
        Dictionary<string, string> tokens = Tokens(theme);
        foreach (string ground in Grounds)
        {
            foreach (string text in Texts) Check(text, Colour(tokens[ground]), ground);
            // A chosen row or word is tinted; its text is ink.
            Check("ink", Over(tokens["soft"], Colour(tokens[ground])), $"soft on {ground}");
        }

        // Buttons and tips turn the two around.
        Assert.True(Contrast(Colour(tokens["page"]), Colour(tokens["ink"])) >= OfText);
        foreach (string stroke in new[] { "attention", "feed", "embed", "output", "norm", "residual" })
            Assert.True(Contrast(Colour(tokens[stroke]), Colour(tokens["page"])) >= OfPictures, $"{theme}: {stroke} on the page");

        void Check(string text, double[] ground, string name)
        {
            double contrast = Contrast(Colour(tokens[text]), ground);
            Assert.True(contrast >= OfText, FormattableString.Invariant($"{theme}: {text} on {name} has {contrast:0.00}, below {OfText}"));
        }
    }

    [Fact]
    public void The_button_and_the_system_give_the_same_dark_colours()
    {
        MatchCollection dark = DarkBlocks().Matches(Css);
        Assert.Equal(2, dark.Count);
        Assert.Equal(Read(dark[0].Groups[1].Value), Read(dark[1].Groups[1].Value));
    }

    [Fact]
    public void No_text_has_a_colour_of_pictures()
    {
        foreach (Match rule in TextColours().Matches(Css))
            Assert.Contains(rule.Groups[1].Value, (string[])[.. Texts, "page"]);
    }

    private static Dictionary<string, string> Tokens(string theme)
    {
        Dictionary<string, string> tokens = Read(LightBlock().Match(Css).Groups[1].Value);
        if (theme == "dark") foreach ((string name, string value) in Read(DarkBlocks().Match(Css).Groups[1].Value)) tokens[name] = value;
        return tokens;
    }

    private static Dictionary<string, string> Read(string block)
        => Token().Matches(block).ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value.Trim(), StringComparer.Ordinal);

    private static double[] Colour(string hex)
        => [.. new[] { 1, 3, 5 }.Select(i => int.Parse(hex.AsSpan(i, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) / 255.0)];

    private static double[] Over(string rgba, double[] ground)
    {
        double[] parts = [.. Numbers().Matches(rgba).Select(m => double.Parse(m.Value, CultureInfo.InvariantCulture))];
        return [.. ground.Select((g, i) => (parts[i] / 255 * parts[3]) + (g * (1 - parts[3])))];
    }

    private static double Contrast(double[] a, double[] b)
    {
        double x = Luminance(a), y = Luminance(b);
        return (Math.Max(x, y) + 0.05) / (Math.Min(x, y) + 0.05);
    }

    private static double Luminance(double[] c)
    {
        double[] linear = [.. c.Select(v => v <= 0.04045 ? v / 12.92 : Math.Pow((v + 0.055) / 1.055, 2.4))];
        return (0.2126 * linear[0]) + (0.7152 * linear[1]) + (0.0722 * linear[2]);
    }

    [GeneratedRegex(":root \\{(.*?)\n\\}", RegexOptions.Singleline)]
    private static partial Regex LightBlock();

    [GeneratedRegex(":root(?::not\\(\\[data-theme=\"light\"\\]\\)|\\[data-theme=\"dark\"\\]) \\{(.*?)\n\\}", RegexOptions.Singleline)]
    private static partial Regex DarkBlocks();

    [GeneratedRegex("--([a-z0-9]+):\\s*([^;]+);")]
    private static partial Regex Token();

    [GeneratedRegex("[0-9]*\\.?[0-9]+")]
    private static partial Regex Numbers();

    [GeneratedRegex("[;{]\\s*color:\\s*var\\(--([a-z]+)\\)")]
    private static partial Regex TextColours();
}
