using Heed.Generation;

namespace Heed.Repository.Tests;

/// <summary>The README's example, so that it compiles. A test holds the README to the lines between the marks.</summary>
internal static class ReadmeSnippet
{
    public static void Run()
    {
        // <readme>
        using HeedModel model = HeedModel.Open("quickstart/model");
        GenerationConfig settings = model.Generation with { MaxNewTokens = 60, Seed = 1 };
        Console.WriteLine(model.Generate("Gets or sets the", settings));
        foreach (GenerationUpdate update in model.Stream("Returns a value that", settings))
            Console.Write(update.Text);
        // </readme>
    }
}
