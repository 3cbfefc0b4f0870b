using Heed.Testing;
using Heed.Tokenizers.Verification;
using Xunit;

namespace Heed.Tokenizers.Tests.Chat;

public sealed class ChatTemplateTests
{
    [Fact]
    public void Conversations_and_snippets_give_what_the_reference_gives()
    {
        IReadOnlyList<VerificationResult> results = ChatCases.Run(Path.Combine(Repository.Goldens, "chat"));
        IEnumerable<string> wrong = results.Where(r => !r.Passed).Select(r => $"{r.Case}: {r.Detail}");
        Assert.True(results.Count > 1000 && results.All(r => r.Passed), string.Join('\n', wrong.Prepend($"{results.Count(r => !r.Passed)} of {results.Count}")));
    }
}
