using System.Text.RegularExpressions;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Repository.Tests;

/// <summary>docs/hooks.md lists every name that a model shows to hooks.</summary>
public sealed partial class HookNameTests
{
    [Theory]
    [InlineData("gpt2"), InlineData("llama"), InlineData("qwen3"), InlineData("bloom-alibi"), InlineData("openai-gpt"), InlineData("bert-mlm"), InlineData("distilbert-mlm"), InlineData("t5"), InlineData("t5-v1_1-gated"), InlineData("bart"), InlineData("marian")]
    public void Every_name_is_documented(string folder)
    {
        string document = Tree.Read("docs/hooks.md");
        HashSet<string> names = new(StringComparer.Ordinal);
        using Model model = ModelFolder.Load(Path.Combine(Testing.Repository.Goldens, "models", folder)).Model;
        using TensorScope scope = TensorScope.Begin();
        TokenGrid ids = new(1, 5, [5, 6, 7, 8, 9]);
        model.Run(new ModelInputs { InputIds = ids, DecoderInputIds = model is SequenceToSequenceModel ? ids : null }, new RunOptions { Hooks = new Hooks().ObserveWhere(_ => true, (name, _) => names.Add(name)) });
        Assert.NotEmpty(names);
        List<string> missing = [.. names.Select(n => Place().Replace(n, "")).Distinct().Where(n => !document.Contains($"`{n}`", StringComparison.Ordinal))];
        Assert.Empty(missing);
    }

    [GeneratedRegex(@"^(encoder\.|decoder\.)?(blocks\.\d+\.)?")]
    private static partial Regex Place();
}
